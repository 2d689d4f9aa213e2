"""Creating and cancelling batches, also when AWS fails in between."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus.api.requests import Person, RequestAttempt
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.aws.step_functions import MemoryTasks
from foreverus.batches.input.lines import CHAT, COMPLETIONS
from foreverus.batches.input.source import TRIES, BatchInputs
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import BatchRef, BatchResult, BatchStatus, BatchTrigger, Shard
from foreverus.batches.service import BatchService
from foreverus.errors import InvalidRequest, NotAccepted, NotFound
from foreverus.files.records import MAX_FILE_BYTES, FilePurpose, FileStatus, new_file
from foreverus.files.service import FileService
from foreverus.files.store import MemoryFiles
from foreverus.idempotency.store import MemoryClaims, Once
from tests.unit.batches.altering import alter, known, next_round
from tests.unit.conftest import NOW

REQUEST = {"input_file_id": "file_1", "endpoint": CHAT, "completion_window": "24h"}


class Machine:
    """Executions by name; `fail_next` starts fail."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.fail_next = 0

    def start(self, session_id: str, request: dict[str, Any]) -> None:
        if self.fail_next:
            self.fail_next -= 1
            raise ConnectionError("throttled")
        self.started[session_id] = request


class World:
    def __init__(self, machine: Machine | None = None) -> None:
        self.store, self.machine, self.tasks = MemoryBatches(), machine or Machine(), MemoryTasks()
        self.objects = MemoryObjects(lambda: NOW)
        self.files = MemoryFiles()
        once = Once(MemoryClaims(), lambda: NOW)
        files = FileService(self.files, self.objects, once, lambda: NOW)
        self.service = BatchService(
            store=self.store,
            inputs=BatchInputs(files, self.objects, "data"),
            machine=self.machine,
            tasks=self.tasks,
            cost_of=lambda batch, shards: 0.5,
            once=once,
            clock=lambda: NOW,
        )
        self.files.put(new_file("file_1", "ana", "p.jsonl", 2, NOW))
        self.objects.put("files/ana/file_1", b"{}")

    def create(self, key: str = "", **changes: Any) -> dict[str, Any]:
        return self.service.create("ana", REQUEST | changes, RequestAttempt(key))

    def running(self) -> BatchRef:
        """A batch whose round on the GPU waits for its token."""
        ref = BatchRef("ana", self.create()["id"])
        self.store.put_shards(ref.batch_id, [Shard(0, 1, 3, 0, 9)])
        alter(self.store, ref, status=BatchStatus.IN_PROGRESS, total=3, in_progress_at="2026-01-01T12:00:00.000Z")
        self.store.begin_round(ref, next_round(1))
        self.store.offer(ref, 1, "token", NOW)
        self.tasks.open.add("token")
        return ref


def test_a_batch_is_started_under_its_own_id() -> None:
    world = World()
    batch = world.create()
    assert world.machine.started == {batch["id"]: {"batch_id": batch["id"], "user_id": "ana"}}
    assert [one.batch_id for one in world.store.open_batches()] == [batch["id"]]
    assert (batch["status"], batch["foreverus"]["trigger"]) == ("validating", "api")


def test_nothing_is_kept_when_the_start_fails_and_the_same_key_may_be_used_again() -> None:
    world = World()
    world.machine.fail_next = 1
    with pytest.raises(NotAccepted):
        world.create(key="k")
    assert (world.store.records, world.store.open, world.machine.started) == ({}, {}, {})
    assert list(world.objects.held) == ["files/ana/file_1"], "its copy is gone too"
    assert world.create(key="k")["id"] in world.machine.started


def test_a_batch_that_runs_although_its_start_failed_is_kept() -> None:
    """The start's answer was lost each time that the SDK tried, and the execution has validated the batch meanwhile."""

    class Lost(Machine):
        def start(self, session_id: str, request: dict[str, Any]) -> None:
            alter(world.store, BatchRef("ana", session_id), status=BatchStatus.IN_PROGRESS, total=3)
            super().start(session_id, request)

    world = World(Lost())
    world.machine.fail_next = 1
    batch = world.create(key="k")
    assert batch["status"] == "in_progress"
    assert [one.batch_id for one in world.store.open_batches()] == [batch["id"]]
    assert world.create(key="k")["id"] == batch["id"]


def test_a_repeated_request_starts_what_the_first_could_not() -> None:
    world = World()
    first = world.create(key="k")
    world.machine.started.clear()  # the first request ended between the record and the start
    assert world.create(key="k")["id"] == first["id"]
    assert list(world.machine.started) == [first["id"]]


def test_a_repeated_request_never_undoes_the_first() -> None:
    world = World()
    first = world.create(key="k")
    world.machine.fail_next = 1
    with pytest.raises(NotAccepted):
        world.create(key="k")
    assert world.service.get("ana", first["id"])["status"] == "validating"
    alter(world.store, BatchRef("ana", first["id"]), status=BatchStatus.IN_PROGRESS, total=1)
    world.machine.fail_next = 1
    assert world.create(key="k")["id"] == first["id"], "it runs: there is nothing to start"


@pytest.mark.parametrize(
    ("input_file_id", "error", "code"),
    [
        ("file_9", NotFound, "file_not_found"),
        ("file_of_bia", NotFound, "file_not_found"),
        ("file_output", InvalidRequest, "invalid_field"),
        ("file_scheduled", InvalidRequest, "invalid_field"),
        ("file_pending", InvalidRequest, "file_not_uploaded"),
        ("s3://data/inputs/none.jsonl", NotFound, "file_not_found"),
        ("s3://data/inputs/", InvalidRequest, "invalid_field"),
        ("s3://data/files/bia/file_of_bia", InvalidRequest, "invalid_field"),
        ("s3://other/inputs/night.jsonl", InvalidRequest, "invalid_field"),
        ("s3://data", InvalidRequest, "invalid_field"),
    ],
)
def test_an_input_that_cannot_be_used_is_named(input_file_id: str, error: type[Exception], code: str) -> None:
    world = World()
    for file_id, owner, purpose, status in (
        ("file_of_bia", "bia", "batch", "uploaded"),
        ("file_output", "ana", "batch_output", "uploaded"),
        ("file_scheduled", "schedule", "batch_output", "uploaded"),
        ("file_pending", "ana", "batch", "pending"),
    ):
        file = new_file(file_id, owner, "p", 1, NOW, purpose=FilePurpose(purpose))
        world.files.put(replace(file, status=FileStatus(status)))
    with pytest.raises(error) as caught:
        world.create(input_file_id=input_file_id)
    assert isinstance(caught.value, InvalidRequest | NotFound)
    assert (caught.value.param, caught.value.reason) == ("input_file_id", code)
    assert world.store.records == {}
    assert not [key for key in world.objects.held if key.startswith("batches/")]


@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS])
def test_the_input_may_be_deleted_once_the_answer_is_there(endpoint: str) -> None:
    world = World()
    batch_id = world.create(endpoint=endpoint)["id"]
    world.service.inputs.files.delete("ana", "file_1")
    assert world.objects.held == {f"batches/{batch_id}/input.jsonl": b"{}"}


def test_a_repeated_request_finds_its_batch_although_the_file_is_deleted() -> None:
    world = World()
    first = world.create(key="k")
    world.service.inputs.files.delete("ana", "file_1")
    assert world.create(key="k")["id"] == first["id"]


@pytest.mark.parametrize(("changes", "is_copied"), [(TRIES - 1, True), (TRIES, False)])
def test_what_is_written_anew_meanwhile_is_copied_whole_or_not_at_all(changes: int, is_copied: bool) -> None:
    class Written(MemoryObjects):
        left = changes

        def copy(self, source_key: str, key: str, etag: str) -> None:
            if self.left:
                self.left -= 1
                self.put(source_key, f"{self.left}".encode())
            super().copy(source_key, key, etag)

    world = World()
    objects = Written(lambda: NOW)
    objects.put("inputs/n", b"{}")
    service = replace(world.service, inputs=replace(world.service.inputs, objects=objects))
    request = REQUEST | {"input_file_id": "s3://data/inputs/n"}
    if not is_copied:
        with pytest.raises(NotAccepted):
            service.create("ana", request)
        assert (world.store.records, list(objects.held)) == ({}, ["inputs/n"])
        return
    batch = service.create("ana", request)
    assert objects.held[f"batches/{batch['id']}/input.jsonl"] == objects.held["inputs/n"] == b"0"


def test_a_file_that_is_too_large_or_lost_its_bytes_is_refused_before_there_is_a_batch() -> None:
    world = World()
    world.objects.put("inputs/large", b"x" * (MAX_FILE_BYTES + 1))
    with pytest.raises(InvalidRequest) as large:
        world.create(input_file_id="s3://data/inputs/large")
    assert (large.value.reason, large.value.param) == ("file_too_large", "input_file_id")
    world.objects.delete("files/ana/file_1")
    with pytest.raises(NotFound) as lost:
        world.create()
    assert (lost.value.reason, lost.value.param) == ("file_not_found", "input_file_id")
    assert world.store.records == {}


def test_an_object_of_the_bucket_can_be_the_input() -> None:
    world = World()
    world.objects.put("inputs/night/1.jsonl", b"{}")
    batch = world.create(input_file_id="s3://data/inputs/night/1.jsonl")
    assert batch["input_file_id"] == "s3://data/inputs/night/1.jsonl"
    record = known(world.store, BatchRef("ana", batch["id"]))
    assert world.objects.held[record.input_key] == b"{}"


def test_cancelling_frees_the_round_that_waits() -> None:
    world = World()
    ref = world.running()
    batch = world.service.cancel(Person("ana"), ref.batch_id)
    assert (batch["status"], batch["cancelling_at"]) == ("cancelling", int(NOW.timestamp()))
    assert world.tasks.results == [("token", "success", {"outcome": "cancelled"})]
    assert world.service.cancel(Person("ana"), ref.batch_id)["status"] == "cancelling", (
        "the round has moved on: that is fine"
    )
    assert not world.store.offer(ref, 1, "another", NOW)


def test_a_cancellation_whose_word_was_lost_is_given_again() -> None:
    world = World()
    ref = world.running()
    alter(world.store, ref, status=BatchStatus.CANCELLING)  # written, and then the request failed
    world.service.cancel(Person("ana"), ref.batch_id)
    assert world.tasks.results == [("token", "success", {"outcome": "cancelled"})]


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("validating", "cancelling"),
        ("finalizing", "finalizing"),
        ("cancelled", "cancelled"),
        ("completed", None),
        ("failed", None),
        ("expired", None),
    ],
)
def test_cancelling_at_every_status(status: str, after: str | None) -> None:
    world = World()
    batch_id = world.create()["id"]
    alter(world.store, BatchRef("ana", batch_id), status=BatchStatus(status))
    if after:
        assert world.service.cancel(Person("ana"), batch_id)["status"] == after
        return
    with pytest.raises(InvalidRequest) as caught:
        world.service.cancel(Person("ana"), batch_id)
    assert caught.value.reason == "batch_is_over"
    assert known(world.store, BatchRef("ana", batch_id)).status == status


def test_an_admin_cancels_anybodys_batch_and_reads_nothing_of_it() -> None:
    world = World()
    ref = world.running()
    alter(world.store, ref, metadata={"note": "ana's own words"})
    with pytest.raises(NotFound):
        world.service.cancel(Person("bia"), ref.batch_id)
    shown = world.service.cancel(Person("bia", is_admin=True), ref.batch_id)
    assert shown["status"] == "cancelling" and "words" not in str(shown)
    assert (shown["metadata"], shown["errors"]) == (None, None)
    assert world.tasks.results == [("token", "success", {"outcome": "cancelled"})]
    with pytest.raises(NotFound):
        world.service.get("bia", ref.batch_id)
    with pytest.raises(NotFound):
        world.service.cancel(Person("bia", is_admin=True), "batch_of_nobody")


def test_everybody_sees_and_cancels_scheduled_batches_and_nobody_elses() -> None:
    world = World()
    world.objects.put("inputs/n", b"{}")
    scheduled = world.service.create(
        "schedule", REQUEST | {"input_file_id": "s3://data/inputs/n"}, trigger=BatchTrigger.SCHEDULE
    )
    own = world.create()["id"]
    assert world.service.cancel(Person("bia"), scheduled["id"])["status"] == "cancelling"
    assert {batch["id"] for batch in world.service.list_batches("ana", {})["data"]} == {scheduled["id"], own}
    for look in (lambda: world.service.get("bia", own), lambda: world.service.cancel(Person("bia"), own)):
        with pytest.raises(NotFound):
            look()


def test_cost_is_counted_while_it_runs_and_read_when_it_is_over() -> None:
    world = World()
    ref = world.running()
    assert world.service.get("ana", ref.batch_id)["foreverus"]["cost_usd"] == 0.5
    alter(world.store, ref, status=BatchStatus.COMPLETED, result=BatchResult(cost_usd=0.75, completed=3))
    assert world.service.get("ana", ref.batch_id)["foreverus"]["cost_usd"] == 0.75
