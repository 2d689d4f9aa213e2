"""The emulator's patched revocation endpoint, as Cognito's own."""

from typing import Any

import httpx
import pytest

from local.emulator import Emulator


def client_of(emulator: Emulator) -> tuple[str, dict[str, Any]]:
    """A client's id, and the tokens of somebody who has signed in with it."""
    cognito = emulator.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="team")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="page", ExplicitAuthFlows=flows)
    client_id = made["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="ana", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="ana", Password="Correct-horse-1", Permanent=True)
    answer = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana", "PASSWORD": "Correct-horse-1"},
    )
    return client_id, answer["AuthenticationResult"]


def post(emulator: Emulator, path: str, **form: str) -> httpx.Response:
    return httpx.post(f"{emulator.url}{path}", data=form, trust_env=False, timeout=300)


def test_a_revoked_token_renews_nothing(emulator: Emulator) -> None:
    client_id, tokens = client_of(emulator)
    refresh = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": tokens["RefreshToken"]}
    assert post(emulator, "/oauth2/token", **refresh).status_code == 200
    revoked = post(emulator, "/oauth2/revoke", token=tokens["RefreshToken"], client_id=client_id)
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert revoked.headers["access-control-allow-origin"] == "*"
    assert post(emulator, "/oauth2/token", **refresh).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"token": "x", "client_id": "nobody"}, "invalid_client"),
        ({"token": "ACCESS", "client_id": "CLIENT"}, "unsupported_token_type"),
    ],
)
def test_what_is_no_refresh_token_of_a_client_is_refused(emulator: Emulator, form: dict[str, str], error: str) -> None:
    client_id, tokens = client_of(emulator)
    real = {"ACCESS": tokens["AccessToken"], "CLIENT": client_id}
    answer = post(emulator, "/oauth2/revoke", **{name: real.get(value, value) for name, value in form.items()})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_the_emulator_alone_still_has_no_such_endpoint(unpatched: Emulator) -> None:
    client_id, tokens = client_of(unpatched)
    answer = post(unpatched, "/oauth2/revoke", token=tokens["RefreshToken"], client_id=client_id)
    assert answer.status_code >= 400
