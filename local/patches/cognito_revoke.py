"""Cognito's token revocation endpoint.

AWS: `POST /oauth2/revoke` with a refresh token and, of a client without a secret, its client_id ends that token and
every token that came of it; the answer is an empty 200, to any web page (Cognito Developer Guide, "The token revocation
endpoint").
Emulator: has the API operation `RevokeToken` alone, and answers 400 there.
"""

import json
from typing import Any
from urllib.parse import parse_qs

from local.patches import Options

PATH = "/oauth2/revoke"


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.services import cognito

    emulator = gateway.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            return await emulator(scope, receive, send)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                break
        status, answer = revoke(cognito, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        headers = [(b"access-control-allow-origin", b"*"), (b"content-type", b"application/json;charset=UTF-8")]
        headers.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    gateway.app = app


def revoke(cognito: Any, form: dict[str, str]) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    token = form.get("token", "")
    if not token:
        return _refused("invalid_request")
    if not any(form.get("client_id") in pool["_clients"] for pool in cognito._user_pools.values()):
        return _refused("invalid_client")
    if cognito._token_claims(token).get("token_use") in ("access", "id"):
        return _refused("unsupported_token_type")
    cognito._revoke_token({"Token": token})
    return 200, b""


def _refused(error: str) -> tuple[int, bytes]:
    return 400, json.dumps({"error": error}).encode()
