"""Who is calling: an access token of our user pool, or an API key. One authorizer for both APIs.

A token is checked by its signature (tokens.py), a key by its digest; only then is Cognito asked whether the person is
still there. So what is forged never costs a call to Cognito, and keys end with the person whose they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from foreverus import ids
from foreverus.access.records import API_KEY_PREFIX, ApiKey, Caller

if TYPE_CHECKING:
    from foreverus.access.tokens import AccessToken


class ApiKeys(Protocol):
    def find(self, secret: str) -> ApiKey | None:
        """The key that has this text, expired or not; None if nobody's has."""


class Uses(Protocol):
    def note(self, key: ApiKey, now: datetime) -> None:
        """Notes that the key was used now. Never raises."""


class Tokens(Protocol):
    def verify(self, token: str, now: datetime) -> "AccessToken | None":
        """Whose access token it is; None if it opens nothing now. Raises where nobody can say."""


class Members(Protocol):
    def is_active(self, user_id: str) -> bool:
        """Whether the person is there and enabled, as of half a minute ago or later. Raises where nobody can say."""


@dataclass(frozen=True)
class Authorizer:
    api_keys: ApiKeys
    tokens: Tokens
    people: Members
    uses: Uses
    clock: Callable[[], datetime]

    def caller_of(self, credential: str) -> Caller | None:
        """Who is behind a credential (`Bearer …`, however it is spelled, or bare), or None."""
        scheme, _, rest = credential.strip().partition(" ")
        credential = rest.strip() if scheme.lower() == "bearer" else credential.strip()
        if credential.startswith(API_KEY_PREFIX):
            return self._owner_of(credential)
        return self._bearer_of(credential)

    def _owner_of(self, secret: str) -> Caller | None:
        found, now = self.api_keys.find(secret), self.clock()
        if found is None or found.has_expired(ids.timestamp(now)) or not self.people.is_active(found.user_id):
            return None
        self.uses.note(found, now)
        return Caller(
            user_id=found.user_id,
            key_id=found.key_id,
            can_create_keys=found.can_create_keys,
            ends_at=found.expires_at or "",
        )

    def _bearer_of(self, token: str) -> Caller | None:
        held = self.tokens.verify(token, self.clock()) if token.count(".") == 2 else None
        if held is None or not self.people.is_active(held.user_id):
            return None
        return Caller(user_id=held.user_id, ends_at=ids.timestamp(datetime.fromtimestamp(held.ends_at, UTC)))


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
    ends = {"ends_at": caller.ends_at} if caller.ends_at else {}
    return {"user_id": caller.user_id, "can_create_keys": "true" if caller.can_create_keys else "false", **own, **ends}
