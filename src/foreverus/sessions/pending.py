"""Accepted work that has no end yet (docs/decisions/0001). What waits for a GPU keeps one, and buys one.

One item for each message that waits for its answer and each batch that waits for a GPU. It is written and deleted in
the transactions that accept and end the work, so those who write them take `pending_write` and `ended_write` from here.
The state machine's "Is work waiting?" reads the same items. A message that waits for Bedrock stands in a partition of
its own, which nobody who decides about GPUs reads; `move_writes` takes one from the one partition into the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table, Values, Write, check_write, delete_write, put_write
from foreverus.backends.port import BackendName

BATCH = "batch"  # an item's `kind`; a message's has none


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMessage:
    """A message of a conversation that was accepted and has no final answer.

    `backend`: gpu or bedrock, whose partition it stands in. `may_move`: the other backend may answer it where this one
    cannot. `moved_from`: whose it was first. `unended`: how many calls of the answering function had it in hand and did
    not come to their end; `called`: how often the sweep has called that function for it. `trace`: the header of the
    trace that it was accepted in.
    """

    message_id: str
    conversation_id: str
    user_id: str
    created_at: str
    backend: BackendName = BackendName.GPU
    may_move: bool = True
    moved_from: BackendName | None = None
    unended: int = 0
    called: int = 0
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingBatch:
    """A batch with a round on the GPU: `created_at` is when that round was offered."""

    batch_id: str
    user_id: str
    created_at: str


class PendingWork(Protocol):
    """The twin is `MemoryPendingWork`."""

    def messages(self) -> list[PendingMessage]:
        """Those that wait for a GPU, oldest first."""

    def on_bedrock(self) -> list[PendingMessage]:
        """Those that wait for Bedrock, oldest first."""

    def batches(self) -> list[PendingBatch]:
        """Oldest first."""

    def any_message(self) -> bool:
        """Whether one waits for a GPU."""

    def remove(self, work_id: str) -> None:
        """The message or the batch does not wait for a GPU any more. Removing what is not there changes nothing."""

    def forget(self, message_id: str) -> None:
        """The message waits for nobody any more."""

    def count(self, message_id: str, *, unended: int = 0, called: int = 0) -> bool:
        """Counts what was tried with a message that waits for Bedrock. False: it waits there no more."""


def pending_write(work: PendingMessage | PendingBatch) -> Write:
    """The part of a transaction with which the work waits."""
    return put_write(_to_item(work))


def ended_write(work_id: str, backend: BackendName = BackendName.GPU) -> Write:
    """The part of a transaction with which it does not wait for that backend any more."""
    return delete_write(_key(work_id, backend))


def still_waits(message_id: str, backend: BackendName) -> Write:
    """The part of a transaction with which nothing is written when it does not wait for that backend any more."""
    return check_write(_key(message_id, backend), "attribute_exists(pk)")


def pending_key(message: PendingMessage) -> keys.Key:
    """Where it waits."""
    return _key(message.message_id, message.backend)


def moved(message: PendingMessage) -> PendingMessage:
    """The same message, waiting for the other backend. It moves once only: two that both fail would send it to and
    fro."""
    to = BackendName.GPU if message.backend is BackendName.BEDROCK else BackendName.BEDROCK
    return replace(message, backend=to, may_move=False, moved_from=message.backend, unended=0, called=0)


def move_writes(message: PendingMessage) -> tuple[Write, Write]:
    """The part of a transaction with which the message waits for the other backend, if it waits for this one still."""
    gone = delete_write(pending_key(message), "attribute_exists(pk)")
    return gone, pending_write(moved(message))


class PendingWorkStore:
    def __init__(self, items: Table):
        self.items = items

    def messages(self) -> list[PendingMessage]:
        return list(self._messages())

    def on_bedrock(self) -> list[PendingMessage]:
        return [_message(item, BackendName.BEDROCK) for item in self.items.query(keys.PENDING_ON_BEDROCK)]

    def of_conversation(self, conversation_id: str) -> list[PendingMessage]:
        return [one for one in (*self._messages(), *self.on_bedrock()) if one.conversation_id == conversation_id]

    def batches(self) -> list[PendingBatch]:
        found = self.items.query(keys.PENDING)
        return [PendingBatch(**_fields(item, "batch_id")) for item in found if item.get("kind") == BATCH]

    def any_message(self) -> bool:
        return any(True for _ in self._messages())

    def remove(self, work_id: str) -> None:
        self.items.transact(ended_write(work_id))  # unlike a plain delete, it is tried again when it collides

    def forget(self, message_id: str) -> None:
        self.items.transact(*(ended_write(message_id, one) for one in (BackendName.GPU, BackendName.BEDROCK)))

    def count(self, message_id: str, *, unended: int = 0, called: int = 0) -> bool:
        counts: Values = {":unended": unended, ":called": called}
        try:
            self.items.update(
                keys.pending_on_bedrock_key(message_id),
                "ADD #unended :unended, #called :called",
                counts,
                condition="attribute_exists(pk)",
                names={"#unended": "unended", "#called": "called"},
            )
        except ConditionFailed:
            return False
        return True

    def _messages(self) -> Iterable[PendingMessage]:
        for item in self.items.query(keys.PENDING):
            if "kind" not in item:
                yield _message(item, BackendName.GPU)


class MemoryPendingWork:
    """Twin of `PendingWorkStore`."""

    def __init__(self) -> None:
        self.work: dict[str, PendingMessage | PendingBatch] = {}

    def add(self, work: PendingMessage | PendingBatch) -> None:
        self.work[_id(work)] = work

    def messages(self) -> list[PendingMessage]:
        return self._of(BackendName.GPU)

    def on_bedrock(self) -> list[PendingMessage]:
        return self._of(BackendName.BEDROCK)

    def batches(self) -> list[PendingBatch]:
        return [one for _, one in sorted(self.work.items()) if isinstance(one, PendingBatch)]

    def any_message(self) -> bool:
        return bool(self.messages())

    def remove(self, work_id: str) -> None:
        waiting = self.work.get(work_id)
        if not isinstance(waiting, PendingMessage) or waiting.backend is BackendName.GPU:
            self.work.pop(work_id, None)

    def forget(self, message_id: str) -> None:
        self.work.pop(message_id, None)

    def count(self, message_id: str, *, unended: int = 0, called: int = 0) -> bool:
        waiting = self.work.get(message_id)
        if not isinstance(waiting, PendingMessage) or waiting.backend is not BackendName.BEDROCK:
            return False
        self.add(replace(waiting, unended=waiting.unended + unended, called=waiting.called + called))
        return True

    def _of(self, backend: BackendName) -> list[PendingMessage]:
        found = [one for _, one in sorted(self.work.items()) if isinstance(one, PendingMessage)]
        return [one for one in found if one.backend is backend]


def _id(work: PendingMessage | PendingBatch) -> str:
    return work.message_id if isinstance(work, PendingMessage) else work.batch_id


def _key(work_id: str, backend: BackendName) -> keys.Key:
    return keys.pending_on_bedrock_key(work_id) if backend is BackendName.BEDROCK else keys.pending_key(work_id)


def _to_item(work: PendingMessage | PendingBatch) -> Item:
    shared = {"user_id": work.user_id, "created_at": work.created_at}
    if isinstance(work, PendingBatch):
        return {**keys.pending_key(work.batch_id), **shared, "kind": BATCH, "batch_id": work.batch_id}
    item: Item = {**_key(work.message_id, work.backend), **shared}
    item |= {"message_id": work.message_id, "conversation_id": work.conversation_id}
    if not work.may_move:
        item["may_move"] = False
    if work.moved_from:
        item["moved_from"] = work.moved_from.value
    if work.trace:
        item["trace"] = work.trace
    return item


def _message(item: Item, backend: BackendName) -> PendingMessage:
    moved_from = item.get("moved_from", "")
    return PendingMessage(
        conversation_id=item["conversation_id"],
        **_fields(item, "message_id"),
        backend=backend,
        may_move=item.get("may_move", True) is not False,
        moved_from=BackendName(moved_from) if moved_from in list(BackendName) else None,
        unended=int(item.get("unended", 0)),
        called=int(item.get("called", 0)),
        trace=item.get("trace", ""),
    )


def _fields(item: Item, id_name: str) -> dict[str, str]:
    return {name: item[name] for name in (id_name, "user_id", "created_at")}
