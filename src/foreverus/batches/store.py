"""Batches, their shards and their lines in DynamoDB. docs/batches.md has the items; the twin is `batches/memory.py`."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table, delete_write, put_write, update_write
from foreverus.batches import items as codec
from foreverus.batches.plan.records import LearnedSpeed, NextRound, Setbacks
from foreverus.batches.records import (
    Batch,
    BatchOutcome,
    BatchRef,
    BatchStatus,
    ErrorEntry,
    FinishedLines,
    LineResult,
    OpenBatch,
    Shard,
    ShardProgress,
    ShardStatus,
    ValidatedInput,
)
from foreverus.batches.updates import conditional, names_of, sets, values_of
from foreverus.costs.usage.records import Used
from foreverus.costs.usage.store import usage_write
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import change_write
from foreverus.sessions.pending import PendingBatch, PendingWorkStore, pending_write

LINES_KEPT_S = 7 * 86_400


class Batches(Protocol):
    """What the parts of a batch's life share. Where a change gives False or None the batch has moved on, and nothing
    was changed."""

    def create(self, batch: Batch, place: CountChange | None = None) -> Batch: ...
    def discard(self, ref: BatchRef) -> bool: ...
    def get(self, ref: BatchRef) -> Batch | None: ...
    def newest(self, user_id: str, limit: int, after: str = "") -> list[Batch]: ...
    def open_batches(self) -> list[OpenBatch]: ...
    def close_open(self, batch_id: str) -> None: ...
    def count_store_try(self, ref: BatchRef, tries: int) -> None: ...

    def validated(self, ref: BatchRef, found: ValidatedInput, now: datetime) -> None: ...
    def reject_input(self, ref: BatchRef, errors: Sequence[ErrorEntry], total: int, now: datetime) -> None: ...
    def cancel(self, ref: BatchRef, now: datetime) -> Batch | None: ...
    def finalize(self, ref: BatchRef, now: datetime) -> Batch | None: ...
    def end(
        self, ref: BatchRef, ending: BatchOutcome, status_in: Collection[BatchStatus], now: datetime
    ) -> Batch | None: ...

    def put_shards(self, batch_id: str, shards: Sequence[Shard]) -> None: ...
    def shards(self, batch_id: str) -> list[Shard]: ...
    def finished(self, batch_id: str, shard: int) -> FinishedLines: ...
    def keep_results(self, batch_id: str, shard: int, results: Sequence[LineResult], now: datetime) -> None: ...
    def forget_lines(self, batch_id: str) -> None: ...
    def suspect(self, batch_id: str, shard: int, line: int) -> int: ...
    def progress(self, ref: BatchRef, shard: int, progress: ShardProgress, done: bool) -> None: ...

    def begin_round(self, ref: BatchRef, next_round: NextRound) -> bool: ...
    def note_setbacks(self, ref: BatchRef, setbacks: Setbacks, errors: Sequence[ErrorEntry]) -> None: ...
    def offer(self, ref: BatchRef, round_: int, token: str, now: datetime) -> bool: ...
    def stop_waiting(self, ref: BatchRef) -> None: ...
    def worked_on(self, batch_id: str, shard: int, session_id: str) -> None: ...
    def note_sessions(self, ref: BatchRef, sessions: frozenset[str]) -> None: ...
    def note_cost(
        self, batch: Batch, cost_usd: float | None, bedrock_usd: float, late: Used, now: datetime
    ) -> bool: ...
    def speed(self, name: str) -> LearnedSpeed: ...
    def note_speed(self, name: str, speed: LearnedSpeed) -> None: ...


class BatchStore:
    def __init__(self, items: Table):
        self.items = items

    def create(self, batch: Batch, place: CountChange | None = None) -> Batch:
        """Keeps a new batch with its place among the person's open ones; returns it, or the one that an earlier try has
        kept under the same id. Raises CountChanged where the place is somebody else's meanwhile."""
        key, open_key = keys.batch_key(batch.user_id, batch.batch_id), keys.open_batch_key(batch.batch_id)
        try:
            self.items.transact(
                put_write({**key, **codec.batch_to_item(batch)}, "attribute_not_exists(pk)"),
                put_write({**open_key, **codec.open_to_item(batch)}),
                *([change_write(place)] if place else []),
            )
        except ConditionFailed as err:
            if 0 not in err.writes:
                raise CountChanged from err
            return self.get(batch.ref) or batch
        return batch

    def discard(self, ref: BatchRef) -> bool:
        """Undoes `create` when the batch could not be started. False, and nothing is undone, when its execution has
        brought it further; one that begins later finds no batch."""
        record, names = keys.batch_key(ref.user_id, ref.batch_id), {"#status": "status"}
        return self.items.transact_if(
            delete_write(record, "#status = :validating", {":validating": BatchStatus.VALIDATING.value}, names),
            delete_write(keys.open_batch_key(ref.batch_id)),
        )

    def get(self, ref: BatchRef) -> Batch | None:
        item = self.items.get(keys.batch_key(ref.user_id, ref.batch_id))
        return codec.batch_from_item(item) if item else None

    def newest(self, user_id: str, limit: int, after: str = "") -> list[Batch]:
        """A user's batches, newest first, `after` a batch's id."""
        key = keys.batch_key(user_id, after)
        before = key["sk"] if after else ""
        found = self.items.query(key["pk"], "BATCH#", newest_first=True, limit=limit, before=before)
        return [codec.batch_from_item(item) for item in found]

    def open_batches(self) -> list[OpenBatch]:
        """Oldest first."""
        return [codec.open_from_item(item) for item in self.items.query(keys.BATCHES)]

    def close_open(self, batch_id: str) -> None:
        self.items.delete(keys.open_batch_key(batch_id))

    def count_store_try(self, ref: BatchRef, tries: int) -> None:
        self._change(ref, {"store_tries": tries})

    def validated(self, ref: BatchRef, found: ValidatedInput, now: datetime) -> None:
        """The batch is in progress then; one that was cancelled meanwhile stays `cancelling`."""
        input_ = codec.input_to_item(found)
        begins = {"status": BatchStatus.IN_PROGRESS.value, "in_progress_at": ids.timestamp(now), "round": 0}
        if self._change(ref, input_ | begins, (BatchStatus.VALIDATING,)) is None:
            self._change(ref, input_, (BatchStatus.CANCELLING,))

    def reject_input(self, ref: BatchRef, errors: Sequence[ErrorEntry], total: int, now: datetime) -> None:
        """The batch has failed: its file has so many errors, of which these are the first."""
        ended = {"status": BatchStatus.FAILED.value, "ended_at": ids.timestamp(now)}
        found = {"errors": codec.errors_to_item(errors), "errors_total": total}
        self._change(ref, ended | found, (BatchStatus.VALIDATING, BatchStatus.CANCELLING))

    def cancel(self, ref: BatchRef, now: datetime) -> Batch | None:
        changes = {"status": BatchStatus.CANCELLING.value, "cancel_requested_at": ids.timestamp(now)}
        return self._change(ref, changes, (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS))

    def finalize(self, ref: BatchRef, now: datetime) -> Batch | None:
        """From now on nobody takes a line."""
        changes = {"status": BatchStatus.FINALIZING.value, "finalizing_at": ids.timestamp(now)}
        return self._change(ref, changes, (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS), remove="task_token")

    def end(
        self, ref: BatchRef, ending: BatchOutcome, status_in: Collection[BatchStatus], now: datetime
    ) -> Batch | None:
        """With it what its lines took is counted: it is known in the end."""
        changes = {**codec.ending_to_item(ending), "ended_at": ids.timestamp(now)}
        write = update_write(*conditional(ref, changes, status_in, remove="task_token"))
        used = [usage_write(ref.user_id, now, *ending.used)] if ending.used else []
        return self.get(ref) if self.items.transact_if(write, *used) else None

    def put_shards(self, batch_id: str, shards: Sequence[Shard]) -> None:
        """Shards as `input/validation.py` finds them. Writing them again changes nothing while none is served."""
        self.items.put_all([{**keys.shard_key(batch_id, one.number), **codec.new_shard_item(one)} for one in shards])

    def shards(self, batch_id: str) -> list[Shard]:
        """In the order of the file."""
        return [codec.shard_from_item(item) for item in self.items.query(keys.shards_partition(batch_id), "SHARD#")]

    def finished(self, batch_id: str, shard: int) -> FinishedLines:
        results: dict[int, LineResult] = {}
        suspects: dict[int, int] = {}
        for item in self.items.query(keys.lines_partition(batch_id, shard)):
            kind, _, number = item["sk"].partition("#")
            if kind == "LINE":
                results[int(number)] = codec.result_from_item(item)
            else:
                suspects[int(number)] = int(item["engine_failures"])
        return FinishedLines(results, suspects)

    def keep_results(self, batch_id: str, shard: int, results: Sequence[LineResult], now: datetime) -> None:
        """Keeps finished lines. One that is finished twice has the later answer, once."""
        expires = {"expires_at": int(now.timestamp()) + LINES_KEPT_S}
        self.items.put_all(
            [{**keys.line_key(batch_id, shard, one.line), **codec.result_to_item(one), **expires} for one in results]
        )

    def forget_lines(self, batch_id: str) -> None:
        """What was answered, line by line: only the files have it then."""
        for shard in self.shards(batch_id):
            lines = self.items.query(keys.lines_partition(batch_id, shard.number))
            self.items.delete_all([{"pk": item["pk"], "sk": item["sk"]} for item in lines])

    def forget(self, ref: BatchRef) -> None:
        """Everything but its shards, which hold numbers, and by which lines that come late are found."""
        self.forget_lines(ref.batch_id)
        self.stop_waiting(ref)
        self.close_open(ref.batch_id)
        self.items.delete(keys.batch_key(ref.user_id, ref.batch_id))

    def forget_shards(self, batch_id: str) -> None:
        self.items.delete_all([keys.shard_key(batch_id, one.number) for one in self.shards(batch_id)])

    def suspect(self, batch_id: str, shard: int, line: int) -> int:
        """An engine died while it answered this line; returns how many have."""
        key = keys.suspect_key(batch_id, shard, line)
        return int(self.items.update(key, "ADD engine_failures :one", {":one": 1})["engine_failures"])

    def progress(self, ref: BatchRef, shard: int, progress: ShardProgress, done: bool) -> None:
        values: Item = {name: getattr(progress, name) for name in codec.SHARD_COUNTS} | {
            "status": (ShardStatus.DONE if done else ShardStatus.WAITING).value
        }
        condition = "" if done else "#status <> :done"
        expression, names, given = sets(values), {f"#{name}": name for name in values}, values_of(values)
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

    def begin_round(self, ref: BatchRef, next_round: NextRound) -> bool:
        """A plan's decision: the next round begins, if the one before it still is the newest."""
        values = codec.next_round_to_item(next_round)
        with suppress(ConditionFailed):
            self.items.update(
                keys.batch_key(ref.user_id, ref.batch_id),
                sets(values) + " REMOVE task_token",
                values_of(values) | {":before": next_round.number - 1},
                condition="#round = :before",
                names=names_of(values),
            )
            return True
        return False

    def note_setbacks(self, ref: BatchRef, setbacks: Setbacks, errors: Sequence[ErrorEntry]) -> None:
        """A plan's decision to finish, and why."""
        self._change(ref, codec.setbacks_to_item(setbacks) | {"errors": codec.errors_to_item(errors)})

    def offer(self, ref: BatchRef, round_: int, token: str, now: datetime) -> bool:
        """Keeps the token of the round's task, and the batch among the work that keeps and starts sessions."""
        return self.items.transact_if(
            update_write(
                keys.batch_key(ref.user_id, ref.batch_id),
                "SET task_token = :token",
                {":token": token, ":round": round_, ":status": BatchStatus.IN_PROGRESS.value},
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

    def worked_on(self, batch_id: str, shard: int, session_id: str) -> None:
        """A session has taken the shard. Not in the batch's record: a worker writes nothing of a person's."""
        self.items.update(
            keys.shard_key(batch_id, shard),
            "SET shares.#session = if_not_exists(shares.#session, :none)",
            {":none": 0},
            names={"#session": session_id},
        )

    def note_sessions(self, ref: BatchRef, sessions: frozenset[str]) -> None:
        """Those that have worked on it, in the record of a batch that ends."""
        if sessions:
            self.items.update(keys.batch_key(ref.user_id, ref.batch_id), "ADD sessions :s", {":s": set(sessions)})

    def note_cost(self, batch: Batch, cost_usd: float | None, bedrock_usd: float, late: Used, now: datetime) -> bool:
        """Of a batch that is over: a call that was in flight at its end has cost something since, and `late` is that.
        False, and nothing is counted, where somebody else has noted it since the batch was read."""
        key, expression, values, condition, names = conditional(
            batch.ref, {"cost_usd": cost_usd, "bedrock_usd": bedrock_usd}, ()
        )
        values = {**values, ":noted": batch.result.bedrock_usd}
        write = update_write(key, expression, values, f"{condition} AND bedrock_usd = :noted", names)
        return self.items.transact_if(write, usage_write(batch.user_id, now, late))

    def speed(self, name: str) -> LearnedSpeed:
        """Of an instance type, or of `bedrock`."""
        return codec.speed_from_item(self.items.get(keys.speed_key(name)))

    def note_speed(self, name: str, speed: LearnedSpeed) -> None:
        self.items.put({**keys.speed_key(name), **codec.speed_to_item(speed)})

    def _change(
        self, ref: BatchRef, changes: Item, status_in: Collection[BatchStatus] = (), remove: str = ""
    ) -> Batch | None:
        """Writes attributes if the batch is in one of these statuses (none given: in any); returns the new record."""
        key, expression, values, condition, names = conditional(ref, changes, status_in, remove)
        with suppress(ConditionFailed):
            return codec.batch_from_item(self.items.update(key, expression, values, condition=condition, names=names))
        return None
