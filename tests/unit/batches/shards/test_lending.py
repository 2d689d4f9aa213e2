"""Whom the images of a batch's lines are lent to: a GPU that answers such a line just now, and of that line alone."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus.abilities.read_image.gpu import LENT_S
from foreverus.aws import keys
from foreverus.backends.images import ImageKind
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.plan.records import NextRound, RoundStart
from foreverus.batches.records import Batch, BatchRef, BatchStatus, Shard, ShardProgress, ValidatedInput
from foreverus.batches.store import BatchStore
from foreverus.bootstrap import show_images
from foreverus.choice.records import NextStep
from foreverus.files.records import FilePurpose, ImageFacts, new_file, object_key
from foreverus.files.store import FileStore
from foreverus.handlers.show_images import handler
from tests.unit.batches.shards.harness import line
from tests.unit.conftest import NOW, Aws

REF = BatchRef("ana", "batch_1")
KEY = "batches/batch_1/input.jsonl"


def naming(number: int, *file_ids: str) -> bytes:
    parts = [{"type": "file", "file": {"file_id": one}} for one in file_ids]
    return line(number, "", messages=[{"role": "user", "content": [{"type": "text", "text": "What?"}, *parts]}])


LINES = naming(1, "file_a", "file_b"), naming(2, "file_c"), naming(3), naming(4, "file_a")


class Lent:
    """A batch of two shards in its first round, on a GPU."""

    def __init__(self, aws: Aws, planned: NextStep = NextStep.GPU):
        self.store, self.table, self.objects = BatchStore(aws.items), aws.items, show_images.of_lines().objects
        for user, file_id in (("ana", "file_a"), ("ana", "file_b"), ("ana", "file_c"), ("eva", "file_eva")):
            self.keep(user, file_id)
        self.objects.put(KEY, b"".join(LINES))
        begun = {"created_at": "2026-01-01T12:00:00.000Z", "expires_at": "2026-01-02T12:00:00.000Z"}
        self.store.create(Batch(batch_id=REF.batch_id, user_id=REF.user_id, input_key=KEY, **begun))
        found = ValidatedInput(
            total=4,
            shards=2,
            model="m",
            prompt_tokens_estimate=1,
            completion_tokens_limit=1,
            images_line=1,
            gpu_sees=True,
        )
        self.store.validated(REF, found, NOW)
        first, whole = len(LINES[0] + LINES[1]), len(b"".join(LINES))
        self.store.put_shards(REF.batch_id, [Shard(0, 1, 2, 0, first), Shard(1, 3, 2, first, whole)])
        self.begin(1, planned)

    def begin(self, number: int, planned: NextStep) -> None:
        assert self.store.begin_round(REF, NextRound(number=number, start=RoundStart(planned=planned), choice={}))

    def keep(self, user: str, file_id: str, purpose: FilePurpose = FilePurpose.VISION) -> None:
        file = new_file(file_id, user, "a.png", 9, NOW, purpose=purpose)
        FileStore(self.table).put(replace(file, image=ImageFacts(ImageKind.PNG, 3, 2)))

    def to(self, shard: int = 0, number: int = 1, **changes: Any) -> Any:
        """What the function tells."""
        asked = {"user_id": "ana", "batch_id": "batch_1", "round": 1, "shard": shard, "line": number}
        told: Any = handler({**asked, **changes}, None)
        return told["addresses"]


@pytest.fixture
def lent(aws: Aws) -> Lent:
    return Lent(aws)


def test_addresses_of_what_the_line_names_and_of_nothing_else_for_two_minutes(lent: Lent) -> None:
    found = lent.to()
    assert found.keys() == {"file_a", "file_b"}
    assert object_key("ana", "file_a") in found["file_a"] and f"Expires={LENT_S}" in found["file_a"]
    assert [sorted(lent.to(shard, number)) for shard, number in ((0, 2), (1, 3), (1, 4))] == [
        ["file_c"],
        [],
        ["file_a"],
    ]
    assert lent.to(0, 4) == {}, "that line is in another shard"


def test_nothing_is_lent_once_nobody_has_a_gpu_answer_it(lent: Lent) -> None:
    nobody: list[dict[str, Any]] = [{"user_id": "eva"}, {"batch_id": "batch_2"}, {"round": 2}, {"shard": 2}]
    assert [lent.to(**one) for one in nobody] == [None] * 4
    lent.store.progress(REF, 0, ShardProgress(completed=2), True)
    assert lent.to() is None and lent.to(1, 4), "its shard is done; the other is not"
    lent.begin(2, NextStep.BEDROCK)
    assert lent.to(1, 4) is None and lent.to(1, 4, round=2) is None, "Bedrock has it now"
    lent.begin(3, NextStep.GPU)
    assert lent.to(1, 4, round=3)
    lent.store.cancel(REF, NOW)
    assert lent.to(1, 4, round=3) is None


@pytest.mark.parametrize("planned", [NextStep.WAIT, NextStep.BEDROCK])
def test_nothing_is_lent_in_a_round_that_is_no_gpus(aws: Aws, planned: NextStep) -> None:
    assert Lent(aws, planned).to() is None


def test_somebody_elses_image_one_that_is_gone_and_one_that_is_no_image_are_not_lent(lent: Lent) -> None:
    lent.table.delete(keys.file_key("ana", "file_b"))
    lent.keep("ana", "file_a", FilePurpose.BATCH)
    assert lent.to() == {}
    lent.objects.put(KEY, naming(1, "file_eva"))
    assert lent.to() == {}


def test_what_a_stolen_machine_writes_into_a_shard_opens_what_that_batch_names_and_nothing_more(lent: Lent) -> None:
    """It may change shards, and neither a batch's record nor our copy of what it asks."""
    lent.objects.put("batches/batch_2/input.jsonl", naming(1, "file_b"))
    key, names = keys.shard_key(REF.batch_id, 0), {"#start": "start", "#end": "end"}
    forged = {":start": 0, ":end": 1 << 40, ":key": "batches/batch_2/input.jsonl", ":user": "eva"}
    lent.table.update(key, "SET #start = :start, #end = :end, input_key = :key, user_id = :user", forged, names=names)
    assert lent.to(0, 2).keys() == {"file_c"}, "of its own file still, and no more of it than a shard may have"
    lent.table.update(key, "SET #start = :start", {":start": 30}, names={"#start": "start"})
    with pytest.raises(ValueError):
        lent.to(0, 1)


def test_twin_keeps_that_the_gpu_sees_as_the_table_does(lent: Lent) -> None:
    twin = MemoryBatches()
    twin.create(Batch(batch_id="batch_1", user_id="ana", status=BatchStatus.VALIDATING))
    found = ValidatedInput(
        total=1, shards=1, model="m", prompt_tokens_estimate=1, completion_tokens_limit=1, images_line=1, gpu_sees=True
    )
    twin.validated(REF, found, NOW)
    for kept in (twin.get(REF), lent.store.get(REF)):
        assert kept and kept.gpu_sees and kept.images_line == 1
