"""`foreverus user remove`: by the AWS credentials of whoever owns the account, against moto."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus.access.records import Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.aws import account as aws_account
from foreverus.aws.account import Account, CannotLook
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.privacy.receipts import Erasures
from local.deploy import NoSockets
from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server
from tests.unit.cli.test_keys import stack
from tests.unit.conftest import Aws

__all__ = ["stack"]

GONE = "11111111-2222-3333-4444-555555555555"


def pool() -> str:
    return str(boto3.client("cognito-idp").list_user_pools(MaxResults=1)["UserPools"][0]["Id"])


def person(name: str) -> dict[str, object]:
    return dict(boto3.client("cognito-idp").admin_get_user(UserPoolId=pool(), Username=name))


def user_id(name: str) -> str:
    (found,) = [one["Value"] for one in person(name)["UserAttributes"] if one["Name"] == "sub"]  # type: ignore[attr-defined]
    return str(found)


@pytest.fixture
def ana(stack: Aws) -> str:
    """Her user id; she has two keys, as Bia has one."""
    service = KeyService(ApiKeyStore(stack.api_keys), NoSockets(), lambda: datetime.now(UTC))
    ana, bia = user_id("ana@example.com"), user_id("bia@example.com")
    for whose in (ana, ana, bia):
        service.create(Caller(user_id=whose), {"name": "laptop"})
    return ana


@pytest.fixture(autouse=True)
def _no_server(server: Server) -> Iterator[None]:
    yield
    assert not server.requests


def remove(shell: Shell, *words: str) -> int:
    return shell.run("remove", *words, group="user", bare=True)


def test_access_ends_and_everything_is_owed(stack: Aws, ana: str, shell: Shell) -> None:
    shell.input = b"ana@example.com\n"
    assert remove(shell, "ana@example.com") == 0
    with pytest.raises(ClientError):
        person("ana@example.com")
    assert ApiKeyStore(stack.api_keys).newest(ana, 20) == []
    owed = OwedDeletions(stack.items).get(OwedKind.PERSON, ana)
    assert owed and shell.out == f"{owed.receipt_id}\n" and f"foreverus erasure show {owed.receipt_id}" in shell.err
    assert Erasures(stack.items).get(owed.receipt_id)
    bia = user_id("bia@example.com")
    assert len(ApiKeyStore(stack.api_keys).newest(bia, 20)) == 1
    assert OwedDeletions(stack.items).get(OwedKind.PERSON, bia) is None


def test_done_twice_it_is_the_same_deletion(stack: Aws, ana: str, shell: Shell) -> None:
    """The second time she is in no user pool: her id names her."""
    assert remove(shell, "ana@example.com", "--yes") == 0
    first = shell.out
    assert remove(shell, ana, "--yes") == 0
    assert shell.out == first


def test_data_of_who_was_deleted_in_cognito_first_goes_by_user_id(stack: Aws, shell: Shell) -> None:
    assert remove(shell, GONE, "--yes", "--json") == 0
    assert json.loads(shell.out)["object"] == "erasure"
    assert OwedDeletions(stack.items).get(OwedKind.PERSON, GONE)


def test_access_alone_can_be_ended(stack: Aws, ana: str, shell: Shell) -> None:
    assert remove(shell, "ana@example.com", "--keep-data", "--yes", "--json") == 0
    assert json.loads(shell.out) == {"user_id": ana, "keys": 2, "sockets": 0}
    assert person("ana@example.com")["Enabled"] is False
    assert OwedDeletions(stack.items).get(OwedKind.PERSON, ana) is None
    assert "admin-enable-user" in shell.err


@pytest.mark.parametrize("typed", [b"", b"yes\n", b"bia@example.com\n", b"\n"])
def test_without_the_same_name_again_nothing_is_done(stack: Aws, ana: str, shell: Shell, typed: bytes) -> None:
    shell.input = typed
    assert remove(shell, "ana@example.com") == 2
    assert person("ana@example.com")["Enabled"] is True
    assert len(ApiKeyStore(stack.api_keys).newest(ana, 20)) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("eva@example.com",), "Nobody has eva@example.com"),
        (("ana@example.com", "--stack", "elsewhere"), "There is no stack elsewhere in us-east-1"),
        (("ana@example.com", "--stack", "older"), "has no KeysTableName"),
    ],
)
def test_what_stands_in_the_way_is_said(stack: Aws, ana: str, shell: Shell, words: tuple[str, ...], said: str) -> None:
    assert remove(shell, *words, "--yes") == 1
    assert said in shell.err and shell.out == ""


def test_without_boto3_one_line_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(region: str | None) -> Account:
        raise CannotLook("AWS", "boto3 is not installed", "pip install boto3")

    monkeypatch.setattr(aws_account, "own_account", missing)
    assert remove(shell, "ana@example.com", "--yes") == 2
    assert "pip install boto3" in shell.err
