"""Tickets: what opens a WebSocket in place of a token, once and for half a minute, so that no log of addresses has
anything that opens more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.access.records import TICKET_PREFIX, Caller, digest_of, new_secret
from foreverus.access.views import public_ticket
from foreverus.api.responses import Body
from foreverus.aws import credential_keys
from foreverus.aws.dynamo import Table, delete_write

TICKET_SECONDS = 30
# What was never used is deleted by DynamoDB some time after that; `expires_at` alone decides what it opens.
KEPT = timedelta(hours=1)


class TicketStore:
    """In the table of API keys, whose TTL is `delete_after`."""

    def __init__(self, items: Table):
        self.items = items

    def keep(self, secret: str, caller: Caller, now: datetime) -> None:
        item = {
            **credential_keys.ticket_key(digest_of(secret)),
            "user_id": caller.user_id,
            "key_id": caller.key_id,
            "ends_at": caller.ends_at,
            "expires_at": ids.timestamp(now + timedelta(seconds=TICKET_SECONDS)),
            "delete_after": int((now + KEPT).timestamp()),
        }
        self.items.put(item)

    def take(self, secret: str, now: datetime) -> Caller | None:
        """Who it was made for; None if it was used, is over, or never was. It is used up by that."""
        key = credential_keys.ticket_key(digest_of(secret))
        found = self.items.get(key)
        if not found or found["expires_at"] <= ids.timestamp(now):
            return None
        return _caller(found) if self.items.transact_if(delete_write(key, "attribute_exists(pk)")) else None


def _caller(item: Mapping[str, Any]) -> Caller:
    return Caller(user_id=item["user_id"], key_id=item["key_id"], can_create_keys=False, ends_at=item["ends_at"])


@dataclass(frozen=True)
class TicketService:
    store: TicketStore
    socket_url: str
    clock: Callable[[], datetime]

    def create(self, caller: Caller) -> Body:
        """A ticket for whoever asks. What it opens ends with the token or key that it was asked for with."""
        secret = new_secret(TICKET_PREFIX)
        self.store.keep(secret, caller, self.clock())
        return public_ticket(secret, TICKET_SECONDS, self.socket_url)
