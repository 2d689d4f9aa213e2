"""OpenAI's own client, unmodified, against our handler: what works there works for everybody who has it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from foreverus import bootstrap, ids
from foreverus.backends.port import TokenUsage
from foreverus.batches.input.lines import CHAT
from foreverus.batches.input.validation import Validator
from foreverus.batches.model import new_batch
from foreverus.batches.records import (
    BatchOutcome,
    BatchRef,
    BatchResult,
    BatchStatus,
    BatchTrigger,
)
from foreverus.batches.store import BatchStore
from foreverus.files.records import FilePurpose, new_file
from foreverus.files.store import FileStore
from foreverus.notifications.outbox import MemoryOutbox
from tests.unit.batches.altering import alter, next_round
from tests.unit.conftest import NOW, Aws
from tests.unit.files.gateway import BASE, Gateway

MODEL = "mistral-7b-instruct-v0.3"


def line(custom_id: str, **body: Any) -> str:
    messages = [{"role": "user", "content": "Por que o céu é azul?"}]
    return json.dumps(
        {
            "custom_id": custom_id,
            "method": "POST",
            "url": CHAT,
            "body": {"model": MODEL, "messages": messages, **body},
        },
        ensure_ascii=False,
    )


LINES = f"{line('a')}\n{line('b', max_tokens=64)}\n".encode()


@pytest.fixture
def gateway(aws: Aws) -> Gateway:
    return Gateway()


def client_of(user: str, gateway: Gateway) -> openai.OpenAI:
    http = httpx2.Client(transport=gateway, follow_redirects=True)
    return openai.OpenAI(api_key=f"fu_{user}", base_url=BASE, http_client=http, max_retries=0)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with client_of("ana", gateway) as made:
        yield made


def validated(aws: Aws, batch_id: str) -> dict[str, Any]:
    """What the state machine's first step does."""
    validator = Validator(
        BatchStore(aws.items), bootstrap.aws.objects(aws.data_bucket), MemoryOutbox(), MODEL, bootstrap.aws.clock
    )
    return validator.run(BatchRef("ana", batch_id))


def test_a_file_goes_up_and_comes_back(client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "prompts ção.jsonl"
    path.write_bytes(LINES)
    with path.open("rb") as opened:
        file = client.files.create(file=opened, purpose="batch")
    assert (file.object, file.purpose, file.bytes, file.filename) == ("file", "batch", len(LINES), path.name)
    assert file.status == "processed"
    assert client.files.wait_for_processing(file.id, max_wait_seconds=0).id == file.id
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).read() == LINES
    deleted = client.files.delete(file.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (file.id, True, "file")
    with pytest.raises(openai.NotFoundError) as caught:
        client.files.content(file.id)
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    "data", [b"", b"\xef\xbb\xbf{}\r\n\r\n", b"\xff\xfe\x00not text", b'--boundary\r\n\x00\x1f\\"' * 9]
)
def test_any_bytes_come_back_as_they_went(client: openai.OpenAI, data: bytes) -> None:
    file = client.files.create(file=("x.jsonl", data), purpose="batch")
    assert client.files.content(file.id).read() == data


def test_a_large_file_comes_from_s3(client: openai.OpenAI, gateway: Gateway, aws: Aws) -> None:
    data = b"x" * 4_000_001
    file = new_file("file_large", "ana", 'out "put".jsonl', len(data), NOW, purpose=FilePurpose.BATCH_OUTPUT)
    FileStore(aws.items).put(file)
    bootstrap.aws.client("s3").put_object(Bucket=aws.data_bucket, Key=file.object_key, Body=data)
    assert client.files.content("file_large").read() == data
    assert gateway.seen == ["GET /files/{file_id}/content", "GET s3"]


def test_an_upload_too_large_for_a_form_says_what_to_do(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.files.create(file=("x.jsonl", b"x" * 4_000_001), purpose="batch")
    assert caught.value.status_code == 413
    assert '{"filename", "purpose", "bytes"}' in caught.value.message
    client.files.create(file=("x.jsonl", b"x" * 4_000_000), purpose="batch")


def test_a_purpose_other_than_batch_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.create(file=("x.jsonl", LINES), purpose="fine-tune")
    assert (caught.value.param, caught.value.code) == ("purpose", "invalid_field")
    assert "'fine-tune'" in caught.value.message


def test_files_are_listed_page_after_page(client: openai.OpenAI, gateway: Gateway) -> None:
    made = [client.files.create(file=(f"{n}.jsonl", b"{}"), purpose="batch").id for n in range(5)]
    assert [file.id for file in client.files.list(limit=2)] == made[::-1]
    assert [file.id for file in client.files.list(limit=2, order="asc")] == made
    assert gateway.seen.count("GET /files") == 6
    assert client.files.list(purpose=FilePurpose.BATCH_OUTPUT).data == []
    assert [file.id for file in client.files.list(after=made[1]).data] == [made[0]]


def test_a_batch_from_creation_to_its_output(client: openai.OpenAI, aws: Aws) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", metadata={"night": "1"}
    )
    assert (batch.object, batch.status, batch.endpoint) == ("batch", "validating", CHAT)
    assert (batch.input_file_id, batch.completion_window, batch.metadata) == (file.id, "24h", {"night": "1"})
    assert batch.expires_at == batch.created_at + 86_400
    assert batch.request_counts and batch.request_counts.total == 0
    executions = bootstrap.aws.client("stepfunctions").list_executions(stateMachineArn=aws.batch_run_arn)["executions"]
    assert [one["name"] for one in executions] == [batch.id]
    assert validated(aws, batch.id) == {"valid": True, "lines": 2}
    client.files.delete(file.id)  # the batch has a copy of its own
    assert validated(aws, batch.id) == {"valid": True, "lines": 2}
    store, ref = BatchStore(aws.items), BatchRef("ana", batch.id)
    alter(store, ref, backend="gpu", round=1, sessions=frozenset({"ses_1"}))
    running = client.batches.retrieve(batch.id)
    assert running.status == "in_progress" and running.in_progress_at and running.model == MODEL
    assert running.request_counts == openai.types.BatchRequestCounts(total=2, completed=0, failed=0)
    FileStore(aws.items).put(new_file("file_out", "ana", "out.jsonl", 4, NOW, purpose=FilePurpose.BATCH_OUTPUT))
    result = BatchResult(completed=2, usage=TokenUsage(20, 30), cost_usd=0.0125, output_file_id="file_out")
    assert store.end(ref, BatchOutcome(status=BatchStatus.COMPLETED, result=result), (BatchStatus.IN_PROGRESS,), NOW)
    over = client.batches.retrieve(batch.id)
    assert (over.status, over.completed_at, over.output_file_id) == ("completed", int(NOW.timestamp()), "file_out")
    assert over.request_counts == openai.types.BatchRequestCounts(total=2, completed=2, failed=0)
    assert over.usage and (over.usage.input_tokens, over.usage.output_tokens, over.usage.total_tokens) == (20, 30, 50)
    assert over.model_extra and over.model_extra["foreverus"]["cost_usd"] == 0.0125


def test_image_is_no_batchs_input_and_is_called_an_image(client: openai.OpenAI, aws: Aws) -> None:
    FileStore(aws.items).put(new_file("file_seen", "ana", "a.png", 4, NOW, purpose=FilePurpose.VISION))
    with pytest.raises(openai.BadRequestError, match="'file_seen' is an image: upload one with purpose 'batch'"):
        client.batches.create(input_file_id="file_seen", endpoint=CHAT, completion_window="24h")


def test_what_came_back_of_a_planned_batch_can_be_sent_again(client: openai.OpenAI, aws: Aws) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    request: dict[str, Any] = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h"}
    written = {f"{n}".rjust(64, "k"): "v" * 512 for n in range(14)} | {"backend": "gpu", "foreverus_choice": "mine"}
    batch = client.batches.create(**request, metadata=written)
    validated(aws, batch.id)
    assert BatchStore(aws.items).begin_round(BatchRef("ana", batch.id), next_round(1, choice_text="gpu: cheaper"))
    planned = client.batches.retrieve(batch.id)
    assert planned.metadata == written
    assert planned.model_extra and planned.model_extra["foreverus"]["choice_text"] == "gpu: cheaper"
    assert client.batches.create(**request, metadata=planned.metadata).metadata == written


def test_every_field_of_openais_objects_is_there(client: openai.OpenAI) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    raw_file = json.loads(client.files.with_raw_response.retrieve(file.id).text)
    optional = {"status_details"}
    assert set(raw_file) == set(openai.types.FileObject.model_fields) - optional
    openai.types.FileObject.model_validate(raw_file)
    raw = json.loads(
        client.batches.with_raw_response.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h").text
    )
    assert set(raw) == set(openai.types.Batch.model_fields) | {"foreverus"}
    openai.types.Batch.model_validate(raw)


def test_a_bad_file_fails_the_batch_with_its_line(client: openai.OpenAI, aws: Aws) -> None:
    file = client.files.create(file=("p.jsonl", LINES + b'{"custom_id": "a"}\n'), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    assert validated(aws, batch.id) == {"valid": False, "lines": 0}
    failed = client.batches.retrieve(batch.id)
    assert failed.status == "failed" and failed.failed_at
    assert failed.errors and failed.errors.data
    first = failed.errors.data[0]
    assert (first.line, first.code, first.param) == (3, "missing_field", "method")


def test_batches_are_listed_page_after_page_with_the_scheduled_ones(client: openai.OpenAI, aws: Aws) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    made = []
    for number in range(5):
        if number == 2:
            request = {"input_file_id": "s3://data/inputs/x", "endpoint": CHAT, "completion_window": "10m"}
            item = new_batch(
                ids.new_id("batch", bootstrap.aws.clock()), "schedule", request, NOW, BatchTrigger.SCHEDULE
            )
            made.append(BatchStore(aws.items).create(item).batch_id)
        else:
            made.append(client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h").id)
    assert [batch.id for batch in client.batches.list(limit=2)] == made[::-1]
    with client_of("bia", Gateway()) as bia:
        assert [batch.id for batch in bia.batches.list()] == [made[2]]
        assert bia.batches.retrieve(made[2]).completion_window == "10m"
        with pytest.raises(openai.NotFoundError) as caught:
            bia.batches.retrieve(made[0])
    assert caught.value.code == "batch_not_found"


def test_the_same_idempotency_key_is_the_same_batch(client: openai.OpenAI) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    ids = {
        client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h", extra_headers={"Idempotency-Key": key}
        ).id
        for key in ("one", "one", "two")
    }
    assert len(ids) == 2
    assert len(client.batches.list().data) == 2


def test_a_batch_is_cancelled(client: openai.OpenAI) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    cancelled = client.batches.cancel(batch.id)
    assert cancelled.status == "cancelling" and cancelled.cancelling_at
    assert client.batches.cancel(batch.id).status == "cancelling"
    with pytest.raises(openai.NotFoundError):
        client.batches.cancel("batch_of_nobody")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input_file_id": "file_of_nobody"}, "input_file_id"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "1d"}, "completion_window"),
        ({"completion_window": "9m"}, "completion_window"),
        ({"metadata": {"backend": "tpu"}}, "metadata.backend"),
        ({"metadata": {"allow_on_demand": "yes"}}, "metadata.allow_on_demand"),
        ({"metadata": {"x" * 65: "1"}}, "metadata"),
        ({"metadata": {str(n): "1" for n in range(17)}}, "metadata"),
        ({"extra_body": {"priority": 1}}, "priority"),
    ],
)
def test_a_wrong_field_is_named(client: openai.OpenAI, changes: dict[str, Any], param: str) -> None:
    file = client.files.create(file=("p.jsonl", LINES), purpose="batch")
    request: dict[str, Any] = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h"}
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as caught:
        client.batches.create(**(request | changes))
    assert caught.value.param == param
    assert client.batches.list().data == []
