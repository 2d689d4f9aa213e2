"""Batches in memory: the twin of `BatchStore`."""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.batches.plan.records import LearnedSpeed, NextRound, Setbacks
from foreverus.batches.records import (
    Batch,
    BatchOutcome,
    BatchRef,
    BatchStatus,
    ErrorEntry,
    FinishedLines,
    LineCounts,
    LineResult,
    OpenBatch,
    Shard,
    ShardProgress,
    ShardStatus,
    ValidatedInput,
)
from foreverus.costs.usage.records import Used
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import MemoryCounts
from foreverus.sessions.pending import MemoryPendingWork, PendingBatch


class MemoryBatches:
    def __init__(self) -> None:
        self.counts = MemoryCounts()
        self.records: dict[BatchRef, Batch] = {}
        self.open: dict[str, OpenBatch] = {}
        self.pending = MemoryPendingWork()
        self.parts: dict[str, dict[int, Shard]] = {}
        self.results: dict[tuple[str, int], dict[int, LineResult]] = {}
        self.suspected: dict[tuple[str, int], dict[int, int]] = {}
        self.speeds: dict[str, LearnedSpeed] = {}
        self.result_writes = 0  # for those who count them

    def create(self, batch: Batch, place: CountChange | None = None) -> Batch:
        if batch.ref in self.records:
            return self.records[batch.ref]
        if place and not self.counts.apply(place):
            raise CountChanged
        self.records[batch.ref] = batch
        self.open[batch.batch_id] = OpenBatch(
            batch_id=batch.batch_id, user_id=batch.user_id, created_at=batch.created_at, trigger=batch.trigger
        )
        return batch

    def discard(self, ref: BatchRef) -> bool:
        known = self.records.get(ref)
        if known is None or known.status is not BatchStatus.VALIDATING:
            return False
        self.records.pop(ref)
        self.open.pop(ref.batch_id, None)
        return True

    def get(self, ref: BatchRef) -> Batch | None:
        return self.records.get(ref)

    def newest(self, user_id: str, limit: int, after: str = "") -> list[Batch]:
        mine = [batch for ref, batch in self.records.items() if ref.user_id == user_id]
        older = [batch for batch in mine if not after or batch.batch_id < after]
        return sorted(older, key=lambda batch: batch.batch_id, reverse=True)[:limit]

    def open_batches(self) -> list[OpenBatch]:
        return [self.open[batch_id] for batch_id in sorted(self.open)]

    def close_open(self, batch_id: str) -> None:
        self.open.pop(batch_id, None)

    def count_store_try(self, ref: BatchRef, tries: int) -> None:
        self._change(ref, store_tries=tries)

    def validated(self, ref: BatchRef, found: ValidatedInput, now: datetime) -> None:
        names = ("total", "model", "gpu_only", "images_line", "gpu_sees")
        input_ = {name: getattr(found, name) for name in names}
        begins = {"status": BatchStatus.IN_PROGRESS, "in_progress_at": ids.timestamp(now), "round": 0}
        if self._change(ref, (BatchStatus.VALIDATING,), **input_, **begins) is None:
            self._change(ref, (BatchStatus.CANCELLING,), **input_)

    def reject_input(self, ref: BatchRef, errors: Sequence[ErrorEntry], total: int, now: datetime) -> None:
        ended = {"status": BatchStatus.FAILED, "ended_at": ids.timestamp(now)}
        found = {"errors": tuple(errors), "errors_total": total}
        self._change(ref, (BatchStatus.VALIDATING, BatchStatus.CANCELLING), **ended, **found)

    def cancel(self, ref: BatchRef, now: datetime) -> Batch | None:
        changes = {"status": BatchStatus.CANCELLING, "cancel_requested_at": ids.timestamp(now)}
        return self._change(ref, (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS), **changes)

    def finalize(self, ref: BatchRef, now: datetime) -> Batch | None:
        changes = {"status": BatchStatus.FINALIZING, "finalizing_at": ids.timestamp(now), "task_token": ""}
        return self._change(ref, (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS), **changes)

    def end(
        self, ref: BatchRef, ending: BatchOutcome, status_in: Collection[BatchStatus], now: datetime
    ) -> Batch | None:
        changes: dict[str, Any] = {"status": ending.status, "ended_at": ids.timestamp(now), "task_token": ""}
        if ending.errors is not None:
            changes["errors"] = ending.errors
        if ending.result is not None:
            changes["result"] = ending.result
        ended = self._change(ref, status_in, **changes)
        if ended and ending.used:
            self.counts.usage.add(ref.user_id, now, *ending.used)
        return ended

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

    def forget_lines(self, batch_id: str) -> None:
        for kept in (self.results, self.suspected):
            for key in [key for key in kept if key[0] == batch_id]:
                del kept[key]

    def suspect(self, batch_id: str, shard: int, line: int) -> int:
        counts = self.suspected.setdefault((batch_id, shard), {})
        counts[line] = counts.get(line, 0) + 1
        return counts[line]

    def progress(self, ref: BatchRef, shard: int, progress: ShardProgress, done: bool) -> None:
        known = self.parts[ref.batch_id][shard]
        if known.is_done and not done:
            return
        seconds = dict(known.slot_seconds)
        if progress.session_id and progress.slot_seconds:
            seconds[progress.session_id] = seconds.get(progress.session_id, 0.0) + progress.slot_seconds
        self.parts[ref.batch_id][shard] = replace(
            known,
            **{one.name: getattr(progress, one.name) for one in fields(LineCounts)},
            status=ShardStatus.DONE if done else ShardStatus.WAITING,
            slot_seconds=seconds,
        )

    def begin_round(self, ref: BatchRef, next_round: NextRound) -> bool:
        known = self.records[ref]
        if known.round != next_round.number - 1:
            return False
        self.records[ref] = replace(
            known,
            round=next_round.number,
            newest_round=next_round.start,
            setbacks=next_round.setbacks,
            choice=dict(next_round.choice),
            choice_text=next_round.choice_text,
            gpus=next_round.gpus,
            on_demand=next_round.on_demand,
            backend=next_round.backend or known.backend,
            task_token="",
        )
        return True

    def note_setbacks(self, ref: BatchRef, setbacks: Setbacks, errors: Sequence[ErrorEntry]) -> None:
        self._change(ref, setbacks=setbacks, errors=tuple(errors))

    def offer(self, ref: BatchRef, round_: int, token: str, now: datetime) -> bool:
        known = self.records[ref]
        if known.round != round_ or known.status is not BatchStatus.IN_PROGRESS:
            return False
        self.records[ref] = replace(known, task_token=token)
        self.pending.add(PendingBatch(batch_id=ref.batch_id, user_id=ref.user_id, created_at=ids.timestamp(now)))
        return True

    def stop_waiting(self, ref: BatchRef) -> None:
        self.pending.remove(ref.batch_id)

    def worked_on(self, batch_id: str, shard: int, session_id: str) -> None:
        known = self.parts[batch_id][shard]
        self.parts[batch_id][shard] = replace(known, slot_seconds={session_id: 0.0, **known.slot_seconds})

    def note_sessions(self, ref: BatchRef, sessions: frozenset[str]) -> None:
        known = self.records[ref]
        self.records[ref] = replace(known, sessions=known.sessions | sessions)

    def note_cost(self, batch: Batch, cost_usd: float | None, bedrock_usd: float, late: Used, now: datetime) -> bool:
        known = self.records.get(batch.ref)
        if known is None or known.result.bedrock_usd != batch.result.bedrock_usd:
            return False
        self._change(batch.ref, result=replace(known.result, cost_usd=cost_usd, bedrock_usd=bedrock_usd))
        self.counts.usage.add(batch.user_id, now, late)
        return True

    def speed(self, name: str) -> LearnedSpeed:
        return self.speeds.get(name, LearnedSpeed())

    def note_speed(self, name: str, speed: LearnedSpeed) -> None:
        self.speeds[name] = speed

    def _change(self, ref: BatchRef, status_in: Collection[BatchStatus] = (), **changes: Any) -> Batch | None:
        known = self.records.get(ref)
        if known is None or (status_in and known.status not in status_in):
            return None
        self.records[ref] = replace(known, **changes)
        return self.records[ref]
