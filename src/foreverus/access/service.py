"""What people do with their API keys. A key is shown once, when it is made; nobody can look it up again."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.access.records import API_KEY_PREFIX, ApiKey, Caller, digest_of, new_secret
from foreverus.access.sockets import Sockets
from foreverus.access.store import ApiKeyStore
from foreverus.access.views import public_key, public_new_key, public_revocation
from foreverus.api.listing import read_listing
from foreverus.api.responses import Body
from foreverus.errors import InvalidRequest, NotAllowed, NotAuthenticated, NotFound
from foreverus.text import quoted

logger = logging.getLogger(__name__)

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class KeyService:
    store: ApiKeyStore
    sockets: Sockets
    clock: Callable[[], datetime]

    def create(self, caller: Caller, request: Mapping[str, Any]) -> Body:
        """A new key of the caller's, with its secret as `key`. Raises NotAllowed, InvalidRequest, Conflict (there are
        too many) and NotAuthenticated (the key that the caller came with is gone)."""
        if not caller.can_create_keys:
            message = (
                "This API key may not make keys. Make one on the page, or with a key that was made for that "
                "(can_create_keys)."
            )
            raise NotAllowed(message, code="key_cannot_create_keys")
        now = self.clock()
        secret = new_secret()
        key = ApiKey(
            key_id=ids.new_id("key", now),
            user_id=caller.user_id,
            digest=digest_of(secret),
            name=request["name"],
            last_four=secret[-4:],
            created_at=ids.timestamp(now),
            expires_at=expiry(request.get("expires_at"), now),
            can_create_keys=request.get("can_create_keys", False),
        )
        maker = self._maker(caller)
        _check_outlives(key, maker)
        self.store.create(key, maker)
        logger.info("%s was made by %s", key.key_id, caller.key_id or "a person")
        return public_new_key(key, secret)

    def list_keys(self, user_id: str, query: dict[str, str]) -> Body:
        found = read_listing(lambda limit, after: self.store.newest(user_id, limit, after), query, "key")
        return found.body(public_key)

    def revoke(self, user_id: str, key_id: str) -> Body:
        """Raises NotFound, and InvalidRequest, which does not repeat it, for a key in place of its id."""
        if key_id.startswith(API_KEY_PREFIX):
            message = (
                "'key_id' is a key itself, which belongs in no address: send its id, key_…, which GET /keys shows."
            )
            raise InvalidRequest(message, param="key_id", code="invalid_field")
        self.store.revoke(user_id, key_id)
        closed = self.sockets.close(user_id, key_id)
        logger.info("%s was revoked: %d sockets of it were closed", key_id, closed)
        return public_revocation(key_id)

    def _maker(self, caller: Caller) -> ApiKey | None:
        """The key that the caller came with; None for a person. Raises NotAuthenticated if it was just revoked."""
        if not caller.key_id:
            return None
        try:
            return self.store.get(caller.user_id, caller.key_id)
        except NotFound as err:
            raise NotAuthenticated("The API key that you came with was revoked.", code="invalid_api_key") from err


def expiry(given: str | None, now: datetime) -> str | None:
    """The time in the table's form; None for a key that does not expire. Raises InvalidRequest."""
    if given is None:
        return None
    try:
        at = ids.timestamp(datetime.fromisoformat(given)) if _TIME.fullmatch(given) else ""
    except (ValueError, OverflowError):  # no such day; beyond the calendar's ends in UTC
        at = ""
    if not at:
        must = "a time with its zone, as in '2027-01-31T00:00:00Z', or null for a key that does not expire"
        message = f"The field 'expires_at' must be {must}, not {quoted(given)}."
        raise InvalidRequest(message, param="expires_at", code="invalid_field")
    if at <= ids.timestamp(now):
        message = f"The field 'expires_at' must be in the future: {quoted(given)} is over."
        raise InvalidRequest(message, param="expires_at", code="invalid_field")
    return at


def _check_outlives(key: ApiKey, maker: ApiKey | None) -> None:
    """A key that expires must not go on in the keys that it makes. Raises InvalidRequest."""
    if maker is None or maker.expires_at is None or (key.expires_at and key.expires_at <= maker.expires_at):
        return
    message = f"The field 'expires_at' must be {maker.expires_at} or earlier: the key that makes it expires then."
    raise InvalidRequest(message, param="expires_at", code="invalid_field")
