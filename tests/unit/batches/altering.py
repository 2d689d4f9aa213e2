"""A batch as a test needs it: made, or put where an earlier step would have brought it."""

from dataclasses import replace
from typing import Any

from foreverus.aws import keys
from foreverus.batches.items import batch_to_item
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.plan.records import NO_ROUND, NextRound
from foreverus.batches.records import Batch, BatchRef
from foreverus.batches.store import BatchStore
from foreverus.choice.records import NextStep


def alter(store: MemoryBatches | BatchStore, ref: BatchRef, **changes: Any) -> None:
    known = store.get(ref)
    assert known
    batch = replace(known, **changes)
    if isinstance(store, MemoryBatches):
        store.records[ref] = batch
    else:
        store.items.put({**keys.batch_key(ref.user_id, ref.batch_id), **batch_to_item(batch)})


def known(store: MemoryBatches | BatchStore, ref: BatchRef) -> Batch:
    found = store.get(ref)
    assert found
    return found


def next_round(number: int, planned: NextStep = NextStep.GPU, **more: Any) -> NextRound:
    start = replace(NO_ROUND, planned=planned)
    return NextRound(number=number, start=start, choice={}, backend=planned.value, **more)
