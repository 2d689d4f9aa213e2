"""The emulator's renewed tokens keep when their person signed in, as Cognito's do."""

import base64
import json
import time
from typing import Any

from local.emulator import Emulator
from tests.local.test_cognito_revoke import client_of, post


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def renewed_in_a_later_second(emulator: Emulator) -> tuple[dict[str, Any], dict[str, Any]]:
    """The claims of the token of a sign-in, and of one that its refresh token brought later."""
    client_id, tokens = client_of(emulator)
    first = claims(tokens["IdToken"])
    refresh = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": tokens["RefreshToken"]}
    while True:
        later = claims(post(emulator, "/oauth2/token", **refresh).json()["id_token"])
        if later["iat"] > first["iat"]:
            return first, later
        time.sleep(0.1)


def test_a_renewed_token_says_when_the_person_signed_in(emulator: Emulator) -> None:
    first, later = renewed_in_a_later_second(emulator)
    assert later["auth_time"] == first["auth_time"] == first["iat"]
    assert later["exp"] > first["exp"]


def test_the_emulator_alone_says_when_it_was_renewed(unpatched: Emulator) -> None:
    first, later = renewed_in_a_later_second(unpatched)
    assert later["auth_time"] != first["auth_time"]
