"""What is left of a batch that is over: its files alone, as long as its person keeps them."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus.aws.s3_memory import MemoryObjects
from foreverus.batches.finishing import file_ids
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import BatchStatus
from foreverus.files.records import object_key
from foreverus.notifications.outbox import Subject
from tests.unit.batches.test_finishing import REF, World, world
from tests.unit.conftest import NOW

OUTPUT, ERROR = file_ids("batch_1")


@pytest.mark.parametrize("status", ["completed", "expired", "cancelled", "failed"])
@pytest.mark.parametrize("validated", [True, False])
def test_our_copy_of_the_input_goes_with_the_end(status: str, validated: bool) -> None:
    batch = world(validated=validated)
    batch.finisher().finish(REF, BatchStatus(status))
    assert [key for key in batch.objects.held if key.startswith("batches/")] == []


def test_a_copy_that_could_not_be_deleted_goes_when_finishing_is_repeated() -> None:
    batch = world()

    class Down(MemoryObjects):
        def delete(self, key: str) -> None:
            raise ConnectionError

    down = Down(lambda: NOW)
    down.held = batch.objects.held
    with pytest.raises(ConnectionError):
        replace(batch.finisher(), objects=down).finish(REF, BatchStatus.COMPLETED)
    assert batch.outbox.entries(Subject.BATCHES)  # so the sweep repeats it
    before = batch.record()
    batch.finisher().finish(REF, BatchStatus.COMPLETED)
    assert (batch.record(), [key for key in batch.objects.held if key.startswith("batches/")]) == (before, [])


class Overtaken(MemoryBatches):
    """While one puts the files together, another brings the batch to its end and the person deletes the results."""

    of: World

    def shards(self, batch_id: str) -> list[Any]:
        found = super().shards(batch_id)
        if self.of.store is self:
            self.of.store = MemoryBatches.__new__(MemoryBatches)
            self.of.store.__dict__ = self.__dict__
            self.of.finisher().finish(REF, BatchStatus.EXPIRED)
        return found


def overtaken() -> World:
    batch = world()
    batch.finish(1)
    store = Overtaken()
    store.__dict__ |= batch.store.__dict__
    store.of, batch.store = batch, store
    return batch


def test_who_is_overtaken_leaves_the_files_of_the_first_whole() -> None:
    batch = overtaken()
    assert batch.finisher().finish(REF, BatchStatus.COMPLETED).status == "expired"
    assert [one["custom_id"] for one in batch.written("output")] == ["c1"]
    assert [one["custom_id"] for one in batch.written("error")] == ["c2", "c3"]


@pytest.mark.parametrize("deleted", [[OUTPUT], [ERROR], [OUTPUT, ERROR]])
def test_results_that_were_deleted_before_the_end_was_written_do_not_come_back(deleted: list[str]) -> None:
    batch = world()
    batch.finish(1)

    class Crash(Exception):
        pass

    class Crashing(MemoryBatches):
        def end(self, *_: Any) -> None:
            raise Crash

    crashing = Crashing()
    crashing.__dict__ |= batch.store.__dict__
    with pytest.raises(Crash):
        replace(batch.finisher(), store=crashing).finish(REF, BatchStatus.COMPLETED)
    for file_id in deleted:
        batch.files.delete("ana", file_id, NOW)
        batch.objects.delete(object_key("ana", file_id))
    assert batch.finisher().finish(REF, BatchStatus.COMPLETED).status == "completed"
    kept = [file_id for file_id in (OUTPUT, ERROR) if file_id not in deleted]
    assert sorted(batch.objects.held) == sorted(object_key("ana", file_id) for file_id in kept)
    result = batch.record().result
    assert [one for one in (result.output_file_id, result.error_file_id) if one] == kept
    assert (result.completed, result.failed) == (1, 2)


def test_a_batch_that_is_over_is_not_put_together_again_without_its_lines() -> None:
    batch = world()
    batch.finish(1)
    batch.finisher().finish(REF, BatchStatus.EXPIRED)
    batch.store.forget_lines("batch_1")
    assert batch.finisher().finish(REF, BatchStatus.FAILED).status == "expired"
    assert [one["custom_id"] for one in batch.written("output")] == ["c1"]
    assert [one["custom_id"] for one in batch.written("error")] == ["c2", "c3"]
