"""What was made by a request that may come again, and was deleted since: it is not made anew.

Who sends a request twice knows nothing of what happened between. So whoever deletes remembers the id in the same
transaction, for longer than any request can be repeated, and whoever creates asks in theirs. Only where the deletion of
every store is owed does its entry remember it (`deletions/owed.py`).
"""

from datetime import datetime

from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Write, check_write, put_write
from foreverus.errors import Conflict

KEY_KEPT_S = 24 * 3600  # as long as OpenAI's and Stripe's APIs remember a key
REMEMBERED_S = KEY_KEPT_S + 3600


def deleted_write(name: str, now: datetime) -> Write:
    """The part of the transaction that deletes. `name`: the id of what is deleted."""
    return put_write({**keys.deleted_key(name), "expires_at": int(now.timestamp()) + REMEMBERED_S})


def not_deleted_write(name: str) -> Write:
    """The part of the transaction that creates."""
    return check_write(keys.deleted_key(name), "attribute_not_exists(pk)")


def was_deleted(items: Table, name: str) -> bool:
    """For who creates so much that only a repeated request asks, before it creates."""
    return items.get(keys.deleted_key(name)) is not None


def made_and_deleted(kind: str) -> Conflict:
    """`kind`: a word for what it was, as `memory`."""
    message = f"This request was made before, and its {kind} was deleted. For a new one, use another key."
    return Conflict(message, param="Idempotency-Key", code=f"{kind}_deleted")
