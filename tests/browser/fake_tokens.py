"""What Cognito's token endpoint answers, with tokens that nobody checks."""

import base64
import json
import time


def _jwt(claims: dict) -> str:
    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.x"


def token_answer() -> dict:
    now = int(time.time())
    claims = {
        "sub": "user-1",
        "iss": "fake",
        "aud": "client",
        "iat": now,
        "exp": now + 3600,
        "email": "ana@example.com",
    }
    claims["auth_time"] = 1_700_000_000  # when the person signed in: a renewed token keeps it
    token = _jwt(claims)
    return {"access_token": token, "id_token": token, "refresh_token": "r", "token_type": "Bearer", "expires_in": 3600}
