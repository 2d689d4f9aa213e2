"""Who is calling: an access token of our user pool, or an API key. One authorizer for both APIs.

Cognito itself checks the token's signature, expiry and revocation (`GetUser`), so no cryptography is shipped.
`GetUser` accepts tokens of any pool, so the token's own claims, which its signature covers, must name ours.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.access.records import API_KEY_PREFIX, ApiKey, Caller

ACCESS = "access"  # what a token is for; an ID token tells who somebody is and opens nothing


class ApiKeys(Protocol):
    def find(self, secret: str) -> ApiKey | None:
        """The key that has this text, expired or not; None if nobody's has."""


class Uses(Protocol):
    def note(self, key: ApiKey, now: datetime) -> None:
        """Notes that the key was used now. Never raises."""


class Tokens(Protocol):
    def accepts(self, access_token: str) -> bool:
        """Whether the token's issuer vouches for it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token says of itself, unverified; a claim that is missing or is no text is empty."""

    sub: str = ""
    token_use: str = ""
    client_id: str = ""
    iss: str = ""


@dataclass(frozen=True)
class Authorizer:
    api_keys: ApiKeys
    tokens: Tokens
    uses: Uses
    user_pool_id: str
    client_id: str
    clock: Callable[[], datetime]

    def caller_of(self, credential: str) -> Caller | None:
        """Who is behind a credential (`Bearer …`, however it is spelled, or bare), or None."""
        scheme, _, rest = credential.strip().partition(" ")
        credential = rest.strip() if scheme.lower() == "bearer" else credential.strip()
        if credential.startswith(API_KEY_PREFIX):
            return self._owner_of(credential)
        claims = unverified_claims(credential)
        return Caller(user_id=claims.sub) if self._are_ours(claims) and self.tokens.accepts(credential) else None

    def _owner_of(self, secret: str) -> Caller | None:
        found, now = self.api_keys.find(secret), self.clock()
        if found is None or found.has_expired(ids.timestamp(now)):
            return None
        self.uses.note(found, now)
        return Caller(user_id=found.user_id, key_id=found.key_id, can_create_keys=found.can_create_keys)

    def _are_ours(self, claims: Claims) -> bool:
        return (
            claims.token_use == ACCESS
            and claims.client_id == self.client_id
            and claims.iss.endswith("/" + self.user_pool_id)
            and bool(claims.sub)
        )


def unverified_claims(token: str) -> Claims:
    """A JWT's payload, unverified; empty for anything that is not one."""
    parts = token.split(".")
    if len(parts) != 3:
        return Claims()
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return Claims()
    if not isinstance(payload, dict):
        return Claims()
    found = {name: payload.get(name) for name in ("sub", "token_use", "client_id", "iss")}
    return Claims(**{name: value for name, value in found.items() if isinstance(value, str)})


def credential_of(event: dict[str, Any]) -> str:
    """The Authorization header, or on a WebSocket the query's `token`; "" if there is none.

    >>> credential_of({"headers": {"authorization": "Bearer x"}})
    'Bearer x'
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    return str(headers.get("authorization") or query.get("token") or "")


def policy(caller: Caller, method_arn: str) -> dict[str, object]:
    """API Gateway's answer to an authorizer. The policy is cached for every route of the caller's credential, so it
    covers the whole stage: `arn:aws:execute-api:region:account:api/stage/*`."""
    stage_arn = "/".join(method_arn.split("/")[:2]) + "/*"
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": stage_arn}
    return {
        "principalId": caller.user_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": _context(caller),
    }


def _context(caller: Caller) -> dict[str, str]:
    """What the functions behind it are told. API Gateway hands every value on as text."""
    own = {"key_id": caller.key_id} if caller.key_id else {}
    return {"user_id": caller.user_id, "can_create_keys": "true" if caller.can_create_keys else "false", **own}
