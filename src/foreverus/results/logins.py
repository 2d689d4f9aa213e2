"""Who logs in to PostgreSQL, and with what. Pure, but for `let_in`.

A password goes there as PostgreSQL itself keeps it (SCRAM-SHA-256: RFC 5803, RFC 7677), as psql's \\password does it:
no statement has it in clear, and so no log.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from foreverus.aws.data_api import Database

ITERATIONS = 4096  # PostgreSQL's own number; our passwords have 190 bits and more
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Login:
    role: str
    password: str


def login_of_secret(text: str) -> Login:
    """`{"username", "password"}`, as the Data API reads it."""
    found = json.loads(text)
    return Login(str(found["username"]), str(found["password"]))


def scram_verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """`SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`. Of ASCII: others would have to be prepared."""
    if not password.isascii():
        raise ValueError("A password must be ASCII.")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    parts = (base64.b64encode(part).decode() for part in (salt, stored, _keyed(salted, b"Server Key")))
    salt_text, stored_text, server_text = parts
    return f"SCRAM-SHA-256${iterations}:{salt_text}${stored_text}:{server_text}"


def _keyed(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def let_in(database: Database, login: Login) -> None:
    """From now on the role may log in, with this password and no older one. As its owner."""
    if not login.role.replace("_", "").isalnum():
        raise ValueError(f"{login.role!r} is no role of ours.")
    verifier = scram_verifier(login.password, secrets.token_bytes(SALT_BYTES))  # base64: nothing to be quoted
    database.execute(f"ALTER ROLE {login.role} LOGIN PASSWORD '{verifier}'")
