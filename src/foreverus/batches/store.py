"""Batches, their shards and their lines in DynamoDB. docs/batches.md has the items; the twin is `batches/memory.py`."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import (
    ConditionFailed,
    Table,
    delete_write,
    put_write,
    update_write,
)
from foreverus.batches.items import SHARD_COUNTS, new_shard_item, result_from_item, result_to_item, shard_from_item
from foreverus.batches.model import VALIDATING
from foreverus.batches.records import BatchRef, FinishedLines, LineResult, Progress, Shard
from foreverus.sessions.pending import PendingBatch, PendingWorkStore, pending_write

Item = dict[str, Any]

LINES_KEPT_S = 7 * 86_400


class Batches(Protocol):
    """What the parts of a batch's life share. `change`, `begin_round` and `offer` return False or None, and change
    nothing, when the batch has moved on."""

    def create(self, batch: Item, repeat_key: keys.Key | None, now: datetime) -> Item: ...
    def discard(self, ref: BatchRef, repeat_key: keys.Key | None) -> bool: ...
    def get(self, ref: BatchRef) -> Item | None: ...
    def newest(self, user_id: str, limit: int, after: str = "") -> list[Item]: ...
    def change(
        self, ref: BatchRef, changes: Item, status_in: Collection[str] = (), remove: Collection[str] = ()
    ) -> Item | None: ...
    def open_batches(self) -> list[Item]: ...
    def close_open(self, batch_id: str) -> None: ...
    def put_shards(self, batch_id: str, shards: Sequence[Shard]) -> None: ...
    def shards(self, batch_id: str) -> list[Shard]: ...
    def finished(self, batch_id: str, shard: int) -> FinishedLines: ...
    def keep_results(self, batch_id: str, shard: int, results: Sequence[LineResult], now: datetime) -> None: ...
    def suspect(self, batch_id: str, shard: int, line: int) -> int: ...
    def progress(self, ref: BatchRef, shard: int, progress: Progress, done: bool) -> None: ...
    def begin_round(self, ref: BatchRef, round_: int, changes: Item) -> bool: ...
    def offer(self, ref: BatchRef, round_: int, token: str, now: datetime) -> bool: ...
    def stop_waiting(self, ref: BatchRef) -> None: ...
    def worked_on(self, ref: BatchRef, session_id: str) -> None: ...
    def pace(self, name: str) -> Item | None: ...
    def note_pace(self, name: str, values: Item) -> None: ...


class BatchStore:
    def __init__(self, items: Table):
        self.items = items

    def create(self, batch: Item, repeat_key: keys.Key | None, now: datetime) -> Item:
        """Keeps a new batch; returns it, or the one that an earlier request with the same Idempotency-Key made."""
        key = keys.batch_key(batch["user_id"], batch["batch_id"])
        writes = [
            put_write({**key, **batch}, "attribute_not_exists(pk)"),
            put_write({**keys.open_batch_key(batch["batch_id"]), **{n: batch[n] for n in _OPEN if n in batch}}),
        ]
        if repeat_key:
            expires_at = int(now.timestamp()) + 86_400
            earlier = {**repeat_key, "batch_id": batch["batch_id"], "expires_at": expires_at}
            writes.append(put_write(earlier, "attribute_not_exists(pk)"))
        try:
            self.items.transact(*writes)
        except ConditionFailed as err:
            if not repeat_key or len(writes) - 1 not in err.writes:
                raise
            first = self.items.get(repeat_key) or {}
            return self.get(BatchRef(batch["user_id"], str(first.get("batch_id")))) or batch
        return batch

    def discard(self, ref: BatchRef, repeat_key: keys.Key | None) -> bool:
        """Undoes `create` when the batch could not be started. False, and nothing is undone, when its execution has
        brought it further; one that begins later finds no batch."""
        record, names = keys.batch_key(ref.user_id, ref.batch_id), {"#status": "status"}
        return self.items.transact_if(
            delete_write(record, "#status = :validating", {":validating": VALIDATING}, names),
            delete_write(keys.open_batch_key(ref.batch_id)),
            *([delete_write(repeat_key)] if repeat_key else []),
        )

    def get(self, ref: BatchRef) -> Item | None:
        return self.items.get(keys.batch_key(ref.user_id, ref.batch_id))

    def newest(self, user_id: str, limit: int, after: str = "") -> list[Item]:
        """A user's batches, newest first, `after` a batch's id."""
        key = keys.batch_key(user_id, after)
        before = key["sk"] if after else ""
        return list(self.items.query(key["pk"], "BATCH#", newest_first=True, limit=limit, before=before))

    def change(
        self, ref: BatchRef, changes: Item, status_in: Collection[str] = (), remove: Collection[str] = ()
    ) -> Item | None:
        """Writes attributes if the batch is in one of these statuses (none given: in any); returns the new record."""
        allowed = {f":allowed{n}": status for n, status in enumerate(sorted(status_in))}
        condition = "attribute_exists(pk)" + (f" AND #status_ IN ({', '.join(allowed)})" if allowed else "")
        names = {f"#{name}": name for name in (*changes, *remove)} | ({"#status_": "status"} if allowed else {})
        gone = f" REMOVE {', '.join(f'#{name}' for name in remove)}" if remove else ""
        return self._update(ref, _sets(changes) + gone, _values(changes) | allowed, condition, names)

    def open_batches(self) -> list[Item]:
        """Batches that are not at their end, or whose summary is not stored yet; oldest first."""
        return list(self.items.query(keys.BATCHES))

    def close_open(self, batch_id: str) -> None:
        self.items.delete(keys.open_batch_key(batch_id))

    def put_shards(self, batch_id: str, shards: Sequence[Shard]) -> None:
        """Shards as `input/validation.py` finds them. Writing them again changes nothing while none is served."""
        self.items.put_all([{**keys.shard_key(batch_id, one.number), **new_shard_item(one)} for one in shards])

    def shards(self, batch_id: str) -> list[Shard]:
        """In the order of the file."""
        return [shard_from_item(item) for item in self.items.query(keys.shards_partition(batch_id), "SHARD#")]

    def finished(self, batch_id: str, shard: int) -> FinishedLines:
        results: dict[int, LineResult] = {}
        suspects: dict[int, int] = {}
        for item in self.items.query(keys.lines_partition(batch_id, shard)):
            kind, _, number = item["sk"].partition("#")
            if kind == "LINE":
                results[int(number)] = result_from_item(item)
            else:
                suspects[int(number)] = int(item["engine_failures"])
        return FinishedLines(results, suspects)

    def keep_results(self, batch_id: str, shard: int, results: Sequence[LineResult], now: datetime) -> None:
        """Keeps finished lines. One that is finished twice has the later answer, once."""
        expires = {"expires_at": int(now.timestamp()) + LINES_KEPT_S}
        self.items.put_all(
            [{**keys.line_key(batch_id, shard, one.line), **result_to_item(one), **expires} for one in results]
        )

    def suspect(self, batch_id: str, shard: int, line: int) -> int:
        """An engine died while it answered this line; returns how many have."""
        key = keys.suspect_key(batch_id, shard, line)
        return int(self.items.update(key, "ADD engine_failures :one", {":one": 1})["engine_failures"])

    def progress(self, ref: BatchRef, shard: int, progress: Progress, done: bool) -> None:
        values: Item = {name: getattr(progress, name) for name in SHARD_COUNTS} | {
            "status": "done" if done else "waiting"
        }
        condition = "" if done else "#status <> :done"
        expression, names, given = _sets(values), {f"#{name}": name for name in values}, _values(values)
        if progress.session_id and progress.slot_seconds:
            expression += ", shares.#session = if_not_exists(shares.#session, :none) + :seconds"
            names["#session"] = progress.session_id
            given |= {":none": 0, ":seconds": progress.slot_seconds}
        with suppress(ConditionFailed):
            self.items.update(
                keys.shard_key(ref.batch_id, shard),
                expression,
                given | ({} if done else {":done": "done"}),
                condition=condition,
                names=names,
            )

    def begin_round(self, ref: BatchRef, round_: int, changes: Item) -> bool:
        """Plan's decision: the next round, `round_`, begins, if the one before it still is the newest."""
        values = {"round": round_, **changes}
        expression = _sets(values) + " REMOVE task_token"
        given = _values(values) | {":before": round_ - 1}
        condition = "#round = :before"
        return self._update(ref, expression, given, condition, {f"#{name}": name for name in values}) is not None

    def offer(self, ref: BatchRef, round_: int, token: str, now: datetime) -> bool:
        """Keeps the token of the round's task, and the batch among the work that keeps and starts sessions."""
        return self.items.transact_if(
            update_write(
                keys.batch_key(ref.user_id, ref.batch_id),
                "SET task_token = :token",
                {":token": token, ":round": round_, ":status": "in_progress"},
                condition="#round = :round AND #status = :status",
                names={"#round": "round", "#status": "status"},
            ),
            pending_write(
                PendingBatch(batch_id=ref.batch_id, user_id=ref.user_id, created_at=ids.timestamp(now)),
            ),
        )

    def stop_waiting(self, ref: BatchRef) -> None:
        """The batch does not wait for a GPU any more."""
        PendingWorkStore(self.items).remove(ref.batch_id)

    def worked_on(self, ref: BatchRef, session_id: str) -> None:
        """A session has taken a shard."""
        self.items.update(keys.batch_key(ref.user_id, ref.batch_id), "ADD sessions :s", {":s": {session_id}})

    def pace(self, name: str) -> Item | None:
        return self.items.get(keys.pace_key(name))

    def note_pace(self, name: str, values: Item) -> None:
        self.items.put({**keys.pace_key(name), **values})

    def _update(self, ref: BatchRef, expression: str, values: Item, condition: str, names: Item) -> Item | None:
        key = keys.batch_key(ref.user_id, ref.batch_id)
        return _unless_refused(lambda: self.items.update(key, expression, values, condition=condition, names=names))


_OPEN = ("batch_id", "user_id", "created_at", "trigger")


def _unless_refused(write: Callable[[], Item]) -> Item | None:
    try:
        return write()
    except ConditionFailed:
        return None


def _sets(values: Item) -> str:
    return "SET " + ", ".join(f"#{name} = :{name}" for name in values)


def _values(values: Item) -> Item:
    return {f":{name}": value for name, value in values.items()}
