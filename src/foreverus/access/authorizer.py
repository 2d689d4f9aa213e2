"""Who is calling: an access token of our user pool, or an API key. One authorizer for both APIs.

Cognito itself checks the token's signature, expiry and revocation (`GetUser`), so no cryptography is shipped.
`GetUser` accepts tokens of any pool, so the token's own claims, which its signature covers, must name ours.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Protocol

API_KEY_PREFIX = "fu_"


class Keys(Protocol):
    def user_of(self, api_key: str) -> str | None:
        """The user whose key this is; None if nobody's."""


class Tokens(Protocol):
    def accepts(self, access_token: str) -> bool:
        """Whether the token's issuer vouches for it now."""


@dataclass(frozen=True)
class Authorizer:
    keys: Keys
    tokens: Tokens
    user_pool_id: str
    client_id: str

    def user_of(self, credential: str) -> str | None:
        """The user id behind a credential (`Bearer …` or bare), or None."""
        credential = credential.removeprefix("Bearer ").removeprefix("bearer ").strip()
        if credential.startswith(API_KEY_PREFIX):
            return self.keys.user_of(credential)
        claims = unverified_claims(credential)
        ours = (
            claims.get("token_use") == "access"
            and claims.get("client_id") == self.client_id
            and str(claims.get("iss", "")).endswith("/" + self.user_pool_id)
            and bool(claims.get("sub"))
        )
        return str(claims["sub"]) if ours and self.tokens.accepts(credential) else None


def unverified_claims(token: str) -> dict[str, Any]:
    """A JWT's payload, unverified; {} for anything that is not one."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}


def credential_of(event: dict[str, Any]) -> str:
    """The Authorization header, or on a WebSocket the query's `token`; "" if there is none.

    >>> credential_of({"headers": {"authorization": "Bearer x"}})
    'Bearer x'
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    return str(headers.get("authorization") or query.get("token") or "")


def policy(user_id: str | None, method_arn: str) -> dict[str, Any]:
    """API Gateway's answer to an authorizer. The policy is cached for every route of the caller's credential, so it
    covers the whole stage: `arn:aws:execute-api:region:account:api/stage/*`."""
    stage_arn = "/".join(method_arn.split("/")[:2]) + "/*"
    document: dict[str, Any] = {
        "principalId": user_id or "nobody",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow" if user_id else "Deny", "Resource": stage_arn}
            ],
        },
    }
    if user_id:
        document["context"] = {"user_id": user_id}
    return document
