"""Batches in memory: the twin of `BatchStore`."""

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.batches.model import VALIDATING
from foreverus.batches.records import BatchRef, FinishedLines, LineResult, Progress, Shard, ShardStatus
from foreverus.sessions.pending import MemoryPendingWork, PendingBatch

Item = dict[str, Any]


class MemoryBatches:
    def __init__(self) -> None:
        self.records: dict[BatchRef, Item] = {}
        self.open: dict[str, Item] = {}
        self.pending = MemoryPendingWork()
        self.repeats: dict[str, BatchRef] = {}
        self.parts: dict[str, dict[int, Shard]] = {}
        self.results: dict[tuple[str, int], dict[int, LineResult]] = {}
        self.suspected: dict[tuple[str, int], dict[int, int]] = {}
        self.paces: dict[str, Item] = {}
        self.result_writes = 0  # for those who count them

    def create(self, batch: Item, repeat_key: keys.Key | None, now: datetime) -> Item:
        ref = BatchRef(batch["user_id"], batch["batch_id"])
        if repeat_key:
            first = self.repeats.setdefault(repeat_key["pk"], ref)
            if first != ref:
                return deepcopy(self.records[first])
        self.records[ref] = deepcopy(batch)
        self.open[ref.batch_id] = {n: batch[n] for n in ("batch_id", "user_id", "created_at", "trigger") if n in batch}
        return batch

    def discard(self, ref: BatchRef, repeat_key: keys.Key | None) -> bool:
        if self.records.get(ref, {}).get("status") != VALIDATING:
            return False
        self.records.pop(ref)
        self.open.pop(ref.batch_id, None)
        if repeat_key:
            self.repeats.pop(repeat_key["pk"], None)
        return True

    def get(self, ref: BatchRef) -> Item | None:
        return deepcopy(self.records.get(ref))

    def newest(self, user_id: str, limit: int, after: str = "") -> list[Item]:
        mine = [item for ref, item in self.records.items() if ref.user_id == user_id]
        older = [item for item in mine if not after or item["batch_id"] < after]
        return deepcopy(sorted(older, key=lambda item: str(item["batch_id"]), reverse=True)[:limit])

    def change(
        self, ref: BatchRef, changes: Item, status_in: Collection[str] = (), remove: Collection[str] = ()
    ) -> Item | None:
        record = self.records.get(ref)
        if record is None or (status_in and record["status"] not in status_in):
            return None
        record |= deepcopy(changes)
        for name in remove:
            record.pop(name, None)
        return deepcopy(record)

    def open_batches(self) -> list[Item]:
        return deepcopy([self.open[batch_id] for batch_id in sorted(self.open)])

    def close_open(self, batch_id: str) -> None:
        self.open.pop(batch_id, None)

    def put_shards(self, batch_id: str, shards: Sequence[Shard]) -> None:
        self.parts.setdefault(batch_id, {}).update({one.number: one for one in shards})

    def shards(self, batch_id: str) -> list[Shard]:
        parts = self.parts.get(batch_id, {})
        return [parts[number] for number in sorted(parts)]

    def finished(self, batch_id: str, shard: int) -> FinishedLines:
        key = (batch_id, shard)
        return FinishedLines(dict(self.results.get(key, {})), dict(self.suspected.get(key, {})))

    def keep_results(self, batch_id: str, shard: int, results: Sequence[LineResult], now: datetime) -> None:
        self.result_writes += 1
        self.results.setdefault((batch_id, shard), {}).update({one.line: one for one in results})

    def suspect(self, batch_id: str, shard: int, line: int) -> int:
        counts = self.suspected.setdefault((batch_id, shard), {})
        counts[line] = counts.get(line, 0) + 1
        return counts[line]

    def progress(self, ref: BatchRef, shard: int, progress: Progress, done: bool) -> None:
        known = self.parts[ref.batch_id][shard]
        if known.is_done and not done:
            return
        seconds = dict(known.slot_seconds)
        if progress.session_id and progress.slot_seconds:
            seconds[progress.session_id] = seconds.get(progress.session_id, 0.0) + progress.slot_seconds
        self.parts[ref.batch_id][shard] = replace(
            known,
            completed=progress.completed,
            failed=progress.failed,
            prompt_tokens=progress.prompt_tokens,
            completion_tokens=progress.completion_tokens,
            bedrock_prompt_tokens=progress.bedrock_prompt_tokens,
            bedrock_completion_tokens=progress.bedrock_completion_tokens,
            status=ShardStatus.DONE if done else ShardStatus.WAITING,
            slot_seconds=seconds,
        )

    def begin_round(self, ref: BatchRef, round_: int, changes: Item) -> bool:
        if self.records[ref]["round"] != round_ - 1:
            return False
        return self.change(ref, {"round": round_, **changes}, remove=["task_token"]) is not None

    def offer(self, ref: BatchRef, round_: int, token: str, now: datetime) -> bool:
        record = self.records[ref]
        if record["round"] != round_ or record["status"] != "in_progress":
            return False
        record["task_token"] = token
        self.pending.add(PendingBatch(batch_id=ref.batch_id, user_id=ref.user_id, created_at=ids.timestamp(now)))
        return True

    def stop_waiting(self, ref: BatchRef) -> None:
        self.pending.remove(ref.batch_id)

    def worked_on(self, ref: BatchRef, session_id: str) -> None:
        self.records[ref].setdefault("sessions", set()).add(session_id)

    def pace(self, name: str) -> Item | None:
        return deepcopy(self.paces.get(name))

    def note_pace(self, name: str, values: Item) -> None:
        self.paces[name] = deepcopy(values)
