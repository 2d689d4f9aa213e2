"""What one person sends through the API: as much as their limits say, the rest refused and not kept."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import openai
import pytest

from foreverus import bootstrap
from foreverus.api.requests import NOT_REPEATED
from foreverus.aws import keys
from foreverus.batches.input.lines import CHAT
from foreverus.batches.records import BatchOutcome, BatchRef, BatchStatus, BatchTrigger
from foreverus.batches.store import BatchStore
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import usage_write
from foreverus.files.records import SCHEDULE_USER, new_file
from foreverus.files.store import FileStore, to_item
from foreverus.files.stored import stored_bytes
from foreverus.limits.records import Kind
from foreverus.limits.rules import recounted
from foreverus.limits.store import CountStore
from tests.unit.conftest import NOW, Aws, Clock
from tests.unit.files.gateway import BASE, Gateway

PER_MINUTE, OPEN_BATCHES = 20, 10  # tests/unit/conftest.py
SECOND = timedelta(seconds=1)


class Person:
    """Somebody with an API key, over HTTP."""

    def __init__(self, name: str) -> None:
        self.http = httpx2.Client(transport=Gateway(), headers={"Authorization": f"Bearer fu_{name}"})
        self.name = name

    def post(self, path: str, body: dict[str, Any], key: str = "") -> httpx2.Response:
        return self.http.post(BASE + path, json=body, headers={"Idempotency-Key": key} if key else {})

    def conversation(self) -> str:
        return str(self.post("/conversations", {}).json()["id"])


@pytest.fixture
def ana(aws: Aws, clock: Clock) -> Person:
    return Person("ana")


def refusal(response: httpx2.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["type"], error["code"]


def test_of_sixty_messages_in_six_seconds_a_minutes_worth_is_kept(aws: Aws, clock: Clock, ana: Person) -> None:
    one, other = ana.conversation(), ana.conversation()
    answers = []
    for number in range(60):
        clock.now = NOW + number * 0.1 * SECOND
        answers.append(ana.post(f"/conversations/{(one, other)[number % 2]}/messages", {"content": f"number {number}"}))
    assert Counter(one.status_code for one in answers) == {202: PER_MINUTE, 429: 60 - PER_MINUTE}
    assert all(one.status_code == 202 for one in answers[:PER_MINUTE])
    assert len(list(aws.items.query(keys.PENDING))) == PER_MINUTE, "what is refused is not kept"
    assert refusal(answers[-1]) == (429, "rate_limit_error", "too_many_messages")
    after = int(answers[-1].headers["Retry-After"])
    assert "x-should-retry" not in answers[-1].headers
    assert f"{after} seconds" in answers[-1].json()["error"]["message"]
    clock.now += after * SECOND
    assert ana.post(f"/conversations/{one}/messages", {"content": "later"}).status_code == 202
    bia = Person("bia")
    assert bia.post(f"/conversations/{bia.conversation()}/messages", {"content": "hello"}).status_code == 202


def test_what_is_sent_again_is_counted_once(clock: Clock, ana: Person) -> None:
    where = f"/conversations/{ana.conversation()}/messages"
    for _ in range(3 * PER_MINUTE):
        assert ana.post(where, {"content": "hello"}, key="k").status_code == 202
    for number in range(PER_MINUTE - 1):
        assert ana.post(where, {"content": "hello"}, key=f"k{number}").status_code == 202
    assert ana.post(where, {"content": "hello"}, key="another").status_code == 429
    assert ana.post(where, {"content": "hello"}, key="k").status_code == 202, "it was accepted before"
    clock.now += 60 * SECOND
    assert ana.post(where, {"content": "hello"}, key="another").status_code == 202, "a refusal leaves no claim"


def test_what_is_refused_otherwise_takes_no_place(ana: Person) -> None:
    where = f"/conversations/{ana.conversation()}/messages"
    for _ in range(PER_MINUTE + 1):
        assert ana.post(where, {"content": "   "}).status_code == 400
        assert ana.post("/conversations/conv_nobodys/messages", {"content": "hello"}).status_code == 404
    for _ in range(PER_MINUTE):
        assert ana.post(where, {"content": "hello"}).status_code == 202


def test_whoever_races_gets_no_more(aws: Aws, ana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty threads; each call to the table is atomic, as DynamoDB's are, and anything may come between two calls."""
    conversation, service = ana.conversation(), bootstrap.api.build().conversations
    real, lock = service.store.items.client._make_api_call, threading.Lock()

    def one_at_a_time(*request: Any) -> Any:
        with lock:
            return real(*request)

    monkeypatch.setattr(service.store.items.client, "_make_api_call", one_at_a_time)
    statuses: list[int] = []

    def post() -> None:
        statuses.append(Person("ana").post(f"/conversations/{conversation}/messages", {"content": "x"}).status_code)

    sent = [threading.Thread(target=post) for _ in range(2 * PER_MINUTE)]
    for thread in sent:
        thread.start()
    for thread in sent:
        thread.join()
    assert Counter(statuses) == {202: PER_MINUTE, 429: PER_MINUTE}
    assert len(list(aws.items.query(keys.PENDING))) == PER_MINUTE


@pytest.fixture
def client(aws: Aws, clock: Clock) -> Iterator[openai.OpenAI]:
    http = httpx2.Client(transport=Gateway())
    with openai.OpenAI(api_key="fu_ana", base_url=BASE, http_client=http, max_retries=0) as made:
        yield made


def batch(client: openai.OpenAI, file_id: str, **more: Any) -> openai.types.Batch:
    return client.batches.create(input_file_id=file_id, endpoint=CHAT, completion_window="24h", **more)


def test_of_twelve_batches_ten_are_made_and_the_next_when_one_is_over(aws: Aws, client: openai.OpenAI) -> None:
    file_id = client.files.create(file=("p.jsonl", b"x"), purpose="batch").id
    made = [batch(client, file_id) for _ in range(OPEN_BATCHES)]
    for _ in range(2):
        with pytest.raises(openai.RateLimitError) as refused:
            batch(client, file_id)
    response = refused.value.response
    assert refusal(response) == (429, "rate_limit_error", "too_many_open_batches")  # type: ignore[arg-type]
    assert response.headers["x-should-retry"] == "false" and int(response.headers["Retry-After"]) >= 24 * 3600
    assert len(BatchStore(aws.items).open_batches()) == OPEN_BATCHES
    copies = [key for key, _, _ in bootstrap.aws.objects(aws.data_bucket).list("batches/")]
    assert len(copies) == OPEN_BATCHES, "nothing was copied for what was refused"
    bootstrap.run_batch.end().fail(BatchRef("ana", made[3].id))
    again = batch(client, file_id, extra_headers={"Idempotency-Key": "k"})
    assert batch(client, file_id, extra_headers={"Idempotency-Key": "k"}).id == again.id, "it has its place"
    with pytest.raises(openai.RateLimitError):
        batch(client, file_id)


@pytest.fixture
def one_megabyte(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_STORED_MEGABYTES", "1")


def stored(aws: Aws) -> int:
    """As it is counted, which is what there is."""
    counted = CountStore(aws.items).read("ana", Kind.BYTES).used
    assert counted == stored_bytes(aws.items, "ana", NOW)
    return counted


def upload(client: openai.OpenAI, size: int, **more: Any) -> str:
    return client.files.create(file=("p.jsonl", b"x" * size), purpose="batch", **more).id


@pytest.mark.usefixtures("one_megabyte")
def test_files_and_uploads_have_their_bytes_together(aws: Aws, client: openai.OpenAI, ana: Person) -> None:
    first = upload(client, 400_000)
    part = client.uploads.create(filename="p.jsonl", purpose="batch", bytes=300_000, mime_type="application/jsonl")
    announced = {"filename": "p.jsonl", "purpose": "batch", "bytes": 200_000}
    assert ana.post("/files", announced).status_code == 200
    assert stored(aws) == 900_000
    with pytest.raises(openai.RateLimitError) as refused:
        upload(client, 100_001)
    response = refused.value.response
    assert refusal(response) == (429, "rate_limit_error", "storage_full")  # type: ignore[arg-type]
    assert response.headers["x-should-retry"] == "false" and "retry-after" not in response.headers
    assert "900,000" in refused.value.message and "1,000,000" in refused.value.message
    for body, path in ((announced, "/files"), (announced | {"mime_type": "a/b"}, "/uploads")):
        assert refusal(ana.post(path, body)) == (429, "rate_limit_error", "storage_full")
    objects = [key for key, _, _ in bootstrap.aws.objects(aws.data_bucket).list("files/")]
    assert objects == [f"files/ana/{first}"], "what is refused leaves no bytes"
    client.uploads.cancel(part.id)
    client.uploads.cancel(part.id)
    assert stored(aws) == 600_000
    client.files.delete(first)
    assert stored(aws) == 200_000
    upload(client, 800_000)
    assert stored(aws) == 1_000_000


@pytest.mark.usefixtures("one_megabyte")
def test_an_upload_becomes_a_file_of_the_same_bytes(aws: Aws, client: openai.OpenAI) -> None:
    made = client.uploads.create(filename="p.jsonl", purpose="batch", bytes=600_000, mime_type="application/jsonl")
    part = client.uploads.parts.create(made.id, data=b"x" * 600_000)
    done = client.uploads.complete(made.id, part_ids=[part.id])
    assert done.file and stored(aws) == 600_000
    client.files.delete(done.file.id)
    assert stored(aws) == 0


@pytest.mark.usefixtures("one_megabyte")
def test_what_is_uploaded_again_is_counted_once(aws: Aws, client: openai.OpenAI) -> None:
    assert len({upload(client, 900_000, extra_headers={"Idempotency-Key": "k"}) for _ in range(3)}) == 1
    assert stored(aws) == 900_000


@pytest.mark.usefixtures("one_megabyte")
def test_uploads_whose_hour_is_over_and_files_of_before_are_seen(aws: Aws, client: openai.OpenAI, clock: Clock) -> None:
    aws.items.put(to_item(new_file("file_old", "ana", "old.jsonl", 300_000, NOW)))  # an earlier version counted nothing
    client.uploads.create(filename="p.jsonl", purpose="batch", bytes=600_000, mime_type="application/jsonl")
    with pytest.raises(openai.RateLimitError):
        upload(client, 200_000)
    clock.now += timedelta(hours=1, minutes=15)
    upload(client, 600_000)
    with pytest.raises(openai.RateLimitError):
        upload(client, 100_001)


@pytest.mark.usefixtures("one_megabyte")
def test_a_file_whose_time_is_over_gives_its_bytes_back_once(aws: Aws, client: openai.OpenAI, clock: Clock) -> None:
    an_hour = {"expires_after": {"anchor": "created_at", "seconds": 3600}}
    for _ in range(3):
        gone = upload(client, 600_000, **an_hour)
        clock.now += timedelta(hours=1, seconds=1)
        with pytest.raises(openai.RateLimitError):
            upload(client, 600_000)  # counts anew, before anybody has deleted the file
        FileStore(aws.items).delete("ana", gone, clock.now)
        assert stored(aws) == 0
    upload(client, 600_000)
    with pytest.raises(openai.RateLimitError):
        upload(client, 400_001)


@pytest.mark.usefixtures("one_megabyte")
def test_who_counts_while_an_upload_becomes_a_file_counts_again(aws: Aws, client: openai.OpenAI) -> None:
    made = client.uploads.create(filename="p.jsonl", purpose="batch", bytes=600_000, mime_type="application/jsonl")
    part = client.uploads.parts.create(made.id, data=b"x" * 600_000)
    counts = CountStore(aws.items)
    before = counts.read("ana", Kind.BYTES)  # then it looks for files, and finds none
    client.uploads.complete(made.id, part_ids=[part.id])
    assert not counts.apply(recounted(before, 0))  # and for uploads, where this one is not open any more
    assert stored(aws) == 600_000


@pytest.mark.usefixtures("one_megabyte")
def test_the_parts_of_an_upload_take_no_more_than_it_may_become_twice(aws: Aws, client: openai.OpenAI) -> None:
    made = client.uploads.create(filename="p.jsonl", purpose="batch", bytes=1000, mime_type="application/jsonl")
    parts = [client.uploads.parts.create(made.id, data=bytes([65 + n]) * 500).id for n in range(4)]
    for size in (1, 1000):
        with pytest.raises(openai.BadRequestError, match="more than 2 times the 1,000 bytes") as refused:
            client.uploads.parts.create(made.id, data=b"e" * size)
        assert refused.value.code == "too_many_parts"
    kept = sum(size for key, size, _ in bootstrap.aws.objects(aws.data_bucket).list(f"uploads/ana/{made.id}/"))
    assert kept == 2000
    done = client.uploads.complete(made.id, part_ids=parts[2:])
    assert done.file and stored(aws) == 1000


@pytest.mark.usefixtures("one_megabyte")
def test_a_batchs_output_is_written_although_there_is_no_room_and_counts(aws: Aws, client: openai.OpenAI) -> None:
    upload(client, 900_000)
    files, output = FileStore(aws.items), new_file("file_out", "ana", "out.jsonl", 0, NOW)
    for size in (500_000, 500_000, 400_000):  # finished once more, with a line less
        assert files.put(replace(output, bytes=size))
    assert stored(aws) == 1_300_000
    with pytest.raises(openai.RateLimitError):
        upload(client, 1)
    files.delete("ana", "file_out", NOW)
    files.delete("ana", "file_out", NOW)
    assert stored(aws) == 900_000


def test_a_batch_that_could_not_be_started_takes_no_place(
    aws: Aws, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = client.files.create(file=("p.jsonl", b"x"), purpose="batch").id
    with monkeypatch.context() as broken:
        broken.setattr("foreverus.aws.step_functions.StepFunctionsMachine.start", lambda *_: 1 / 0)
        for _ in range(OPEN_BATCHES + 1):
            with pytest.raises(openai.InternalServerError):
                batch(client, file_id)
    for _ in range(OPEN_BATCHES):
        batch(client, file_id)
    with pytest.raises(openai.RateLimitError):
        batch(client, file_id)


def test_the_schedules_batches_are_nobodys(aws: Aws, clock: Clock) -> None:
    bootstrap.aws.objects(aws.data_bucket).put("inputs/p.jsonl", b"x")
    service = bootstrap.start_scheduled_batch.build().service
    request = {"input_file_id": f"s3://{aws.data_bucket}/inputs/p.jsonl", "endpoint": CHAT, "completion_window": "24h"}
    made = [
        service.create(SCHEDULE_USER, request, NOT_REPEATED, BatchTrigger.SCHEDULE) for _ in range(OPEN_BATCHES + 1)
    ]
    assert {one.batch_id for one in BatchStore(aws.items).open_batches()} == {str(one["id"]) for one in made}


def test_who_has_used_up_a_day_is_refused_before_anything_is_kept(
    aws: Aws, clock: Clock, ana: Person, client: openai.OpenAI
) -> None:
    file_id = client.files.create(file=("p.jsonl", b"x"), purpose="batch").id
    conversation = ana.conversation()
    store, ref = BatchStore(aws.items), BatchRef("ana", batch(client, file_id).id)
    took = Used(service=UsedService.GPU, kind=UsageKind.BATCH, prompt_tokens=1_500_000, completion_tokens=400_000)
    ending = BatchOutcome(status=BatchStatus.COMPLETED, used=(took,))
    assert store.end(ref, ending, [BatchStatus.VALIDATING], clock())
    assert not store.end(ref, ending, [BatchStatus.VALIDATING], clock())
    assert CountStore(aws.items).tokens("ana", "2026-01-01") == 1_900_000, "once, when it is over"
    assert ana.post(f"/conversations/{conversation}/messages", {"content": "hello"}).status_code == 202
    more = Used(service=UsedService.BEDROCK, kind=UsageKind.CHAT, completion_tokens=100_000)
    aws.items.transact(usage_write("ana", clock(), more))
    response = ana.post(f"/conversations/{conversation}/messages", {"content": "hello"})
    assert refusal(response) == (429, "rate_limit_error", "daily_tokens_used")
    assert response.headers["Retry-After"] == str(12 * 3600 + 1) and response.headers["x-should-retry"] == "false"
    with pytest.raises(openai.RateLimitError, match="2,000,000 a day"):
        batch(client, file_id)
    assert len(list(aws.items.query(keys.PENDING))) == 1
    clock.now += timedelta(seconds=int(response.headers["Retry-After"]))
    assert ana.post(f"/conversations/{conversation}/messages", {"content": "hello"}).status_code == 202
    batch(client, file_id)
