"""Passwords as PostgreSQL keeps them; tests/local logs in with such."""

import base64
import hashlib
import hmac

import pytest

from foreverus.results.logins import Login, let_in, login_of_secret, scram_verifier
from tests.unit.results.test_results import DataApi, database

# RFC 7677, section 3: user "user", password "pencil".
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
AUTH_MESSAGE = (
    b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)
PROOF = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
SERVER_SIGNATURE = base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_a_verifier_proves_what_the_rfcs_example_proves() -> None:
    head, keys = scram_verifier("pencil", SALT).rsplit("$", 1)
    assert head == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    stored, server = (base64.b64decode(key) for key in keys.split(":"))
    assert hmac.digest(server, AUTH_MESSAGE, "sha256") == SERVER_SIGNATURE
    signature = hmac.digest(stored, AUTH_MESSAGE, "sha256")
    client_key = bytes(a ^ b for a, b in zip(PROOF, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored


def test_no_statement_has_the_password() -> None:
    api = DataApi()
    let_in(database(api), Login("foreverus_results", "it's secret"))
    ((sql, _),) = api.statements
    assert sql.startswith("ALTER ROLE foreverus_results LOGIN PASSWORD 'SCRAM-SHA-256$")
    assert "secret" not in sql and sql.count("'") == 2


@pytest.mark.parametrize("role", ["", "x; DROP TABLE users", 'a"b', "a'b", "a b", "a-b"])
def test_a_name_that_would_have_to_be_quoted_is_no_role_of_ours(role: str) -> None:
    api = DataApi()
    with pytest.raises(ValueError, match="no role of ours"):
        let_in(database(api), Login(role, "x"))
    assert api.statements == []


def test_a_password_is_ascii_because_others_would_have_to_be_prepared() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        scram_verifier("senh\u00e3", SALT)


def test_a_secret_is_read_as_the_data_api_reads_it() -> None:
    assert login_of_secret('{"username": "foreverus_results", "password": "p"}') == Login("foreverus_results", "p")
