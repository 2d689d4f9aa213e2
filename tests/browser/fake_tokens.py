"""What Cognito's token endpoint answers, with tokens that nobody checks."""

import base64
import json
import time


def _jwt(claims: dict) -> str:
    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.x"


LASTS_S = 3600


def _claims() -> dict:
    now = int(time.time())
    return {
        "sub": "user-1",
        "iss": "fake",
        "aud": "client",
        "iat": now,
        "exp": now + LASTS_S,
        "email": "ana@example.com",
        "auth_time": 1_700_000_000,  # when the person signed in: a renewed token keeps it
    }


def _tokens(claims: dict) -> dict:
    token = _jwt(claims)
    return {"access_token": token, "id_token": token, "refresh_token": "r", "token_type": "Bearer"}


def token_answer() -> dict:
    return {**_tokens(_claims()), "expires_in": LASTS_S}


def signed_in() -> dict:
    """What the page keeps of that answer in its tab."""
    claims = _claims()
    profile = {name: value for name, value in claims.items() if name != "auth_time"}
    shown = {"session_state": None, "scope": "openid email", "profile": profile}
    return {**_tokens(claims), **shown, "expires_at": claims["exp"]}
