"""Accepted work that has no end yet: it keeps a GPU, and it buys one (docs/decisions/0001).

One item for each message that waits for its answer and each batch that waits for a GPU. It is written and deleted in
the transactions that accept and end the work, so those who write them take `pending_write` and `ended_write` from here.
The state machine's "Is work waiting?" reads the same items.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Item, Table, Write, delete_write, put_write

BATCH = "batch"  # an item's `kind`; a message's has none


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMessage:
    """A message of a conversation that was accepted and has no final answer."""

    message_id: str
    conversation_id: str
    user_id: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingBatch:
    """A batch with a round on the GPU: `created_at` is when that round was offered."""

    batch_id: str
    user_id: str
    created_at: str


class PendingWork(Protocol):
    """The twin is `MemoryPendingWork`."""

    def messages(self) -> list[PendingMessage]:
        """Oldest first."""

    def batches(self) -> list[PendingBatch]:
        """Oldest first."""

    def any_message(self) -> bool: ...

    def remove(self, work_id: str) -> None:
        """The message or the batch does not wait any more. Removing what is not there changes nothing."""


def pending_write(work: PendingMessage | PendingBatch) -> Write:
    """The part of a transaction with which the work waits."""
    return put_write(_to_item(work))


def ended_write(work_id: str) -> Write:
    """The part of a transaction with which it does not wait any more."""
    return delete_write(keys.pending_key(work_id))


class PendingWorkStore:
    def __init__(self, items: Table):
        self.items = items

    def messages(self) -> list[PendingMessage]:
        return list(self._messages())

    def batches(self) -> list[PendingBatch]:
        found = self.items.query(keys.PENDING)
        return [PendingBatch(**_fields(item, "batch_id")) for item in found if item.get("kind") == BATCH]

    def any_message(self) -> bool:
        return any(True for _ in self._messages())

    def remove(self, work_id: str) -> None:
        self.items.transact(ended_write(work_id))  # unlike a plain delete, it is tried again when it collides

    def _messages(self) -> Iterable[PendingMessage]:
        for item in self.items.query(keys.PENDING):
            if "kind" not in item:
                yield PendingMessage(conversation_id=item["conversation_id"], **_fields(item, "message_id"))


class MemoryPendingWork:
    """Twin of `PendingWorkStore`."""

    def __init__(self) -> None:
        self.work: dict[str, PendingMessage | PendingBatch] = {}

    def add(self, work: PendingMessage | PendingBatch) -> None:
        self.work[_id(work)] = work

    def messages(self) -> list[PendingMessage]:
        return [one for _, one in sorted(self.work.items()) if isinstance(one, PendingMessage)]

    def batches(self) -> list[PendingBatch]:
        return [one for _, one in sorted(self.work.items()) if isinstance(one, PendingBatch)]

    def any_message(self) -> bool:
        return bool(self.messages())

    def remove(self, work_id: str) -> None:
        self.work.pop(work_id, None)


def _id(work: PendingMessage | PendingBatch) -> str:
    return work.message_id if isinstance(work, PendingMessage) else work.batch_id


def _to_item(work: PendingMessage | PendingBatch) -> Item:
    item = {**keys.pending_key(_id(work)), "user_id": work.user_id, "created_at": work.created_at}
    if isinstance(work, PendingMessage):
        return item | {"message_id": work.message_id, "conversation_id": work.conversation_id}
    return item | {"kind": BATCH, "batch_id": work.batch_id}


def _fields(item: Item, id_name: str) -> dict[str, str]:
    return {name: item[name] for name in (id_name, "user_id", "created_at")}
