"""Who is calling: an access token of our user pool, or an API key. One authorizer for both APIs.

A token is checked by its signature (tokens.py), a key by its digest; only then is Cognito asked whether the person is
still there. So what is forged never costs a call to Cognito, and keys end with the person whose they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from foreverus import ids
from foreverus.access.records import ADMINS, API_KEY_PREFIX, TICKET_PREFIX, ApiKey, Caller

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


class Tickets(Protocol):
    def take(self, secret: str, now: datetime) -> Caller | None:
        """Who the ticket was made for, once; None for one that is used, over, or nobody's."""


class Looks(Protocol):
    def holds(self, caller: Caller, now: datetime) -> bool:
        """Whether what somebody came in with still counts, as of now. Raises where nobody can say."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What somebody comes with. `in_address`: as a part of a WebSocket's address, which logs may hold."""

    text: str
    in_address: bool = False


@dataclass(frozen=True)
class Authorizer:
    api_keys: ApiKeys
    tokens: Tokens
    people: Members
    uses: Uses
    tickets: Tickets
    looks: Looks
    clock: Callable[[], datetime]
    keys_in_addresses: bool = False

    def caller_at(self, given: Presented) -> Caller | None:
        """Who came, or None. An address opens with a ticket, and with a key only where the stack was told so."""
        if not given.in_address:
            return self.caller_of(given.text)
        if given.text.startswith(TICKET_PREFIX):
            return self._holder_of(given.text)
        return self._owner_of(given.text) if self.keys_in_addresses and given.text.startswith(API_KEY_PREFIX) else None

    def caller_of(self, credential: str) -> Caller | None:
        """Who is behind a credential (`Bearer …`, however it is spelled, or bare), or None."""
        scheme, _, rest = credential.strip().partition(" ")
        credential = rest.strip() if scheme.lower() == "bearer" else credential.strip()
        if credential.startswith(API_KEY_PREFIX):
            return self._owner_of(credential)
        return self._bearer_of(credential)

    def _holder_of(self, ticket: str) -> Caller | None:
        """Who asked for the ticket may have been let in a minute ago: what they came with is looked at now."""
        now = self.clock()
        caller = self.tickets.take(ticket, now)
        return caller if caller is not None and self.looks.holds(caller, now) else None

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
        return Caller(
            user_id=held.user_id,
            is_admin=ADMINS in held.groups,
            ends_at=ids.timestamp(datetime.fromtimestamp(held.ends_at, UTC)),
        )


def presented(event: dict[str, Any]) -> Presented:
    """The Authorization header, or of a WebSocket that connects the address's `ticket` or `token`; empty if there is
    none. Browsers send no header with a WebSocket; programs can.

    >>> presented({"headers": {"authorization": "Bearer x"}})
    Presented(text='Bearer x', in_address=False)
    >>> presented({"queryStringParameters": {"ticket": "ft_x"}, "methodArn": "arn:…:api/v1/$connect"})
    Presented(text='ft_x', in_address=True)
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if headers.get("authorization"):
        return Presented(str(headers["authorization"]))
    query = event.get("queryStringParameters") or {}
    if not str(event.get("methodArn", "")).endswith("/$connect"):
        return Presented("")
    return Presented(str(query.get("ticket") or query.get("token") or ""), in_address=True)


def policy(caller: Caller, method_arn: str) -> dict[str, object]:
    """API Gateway's answer to an authorizer. The policy is cached for every route of the caller's credential, so it
    covers the whole stage: `arn:aws:execute-api:region:account:api/stage/*`."""
    stage_arn = "/".join(method_arn.split("/")[:2]) + "/*"
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": stage_arn}
    return {
        "principalId": caller.user_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context_of(caller),
    }


def context_of(caller: Caller) -> dict[str, str]:
    """What the functions behind it are told. API Gateway hands every value on as text."""
    own = {"key_id": caller.key_id} if caller.key_id else {}
    ends = {"ends_at": caller.ends_at} if caller.ends_at else {}
    own |= {"is_admin": "true"} if caller.is_admin else {}
    return {"user_id": caller.user_id, "can_create_keys": "true" if caller.can_create_keys else "false", **own, **ends}
