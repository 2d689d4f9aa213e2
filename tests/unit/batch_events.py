"""The batches of test_events.py's world: what the sample events of batch_run's steps and of the API's files meet."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from foreverus import ids
from foreverus.batches import model
from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import split
from foreverus.batches.plan.records import RoundStart
from foreverus.batches.records import Batch, BatchRef, BatchStatus, BatchTrigger, LineResult, ShardProgress
from foreverus.batches.store import BatchStore
from foreverus.choice.records import NextStep
from foreverus.files import records
from foreverus.files.store import FileStore
from foreverus.files.uploads.records import UploadPart, new_upload
from foreverus.files.uploads.store import UploadStore
from tests.unit.batches.altering import alter, known
from tests.unit.conftest import NOW, Aws

USER = "user-1"
BATCH = "batch_019b76daa8000000000000000001"
BAD_BATCH = "batch_with_a_bad_line"
FILE = "file_019b76daa8000000000000000001"
UPLOAD = "upload_019b76daa8000000000000000001"
PART = "part_019b76daa8000000000000000001"
MODEL = "mistral-7b-instruct-v0.3"
REF = BatchRef(USER, BATCH)


def line(custom_id: str) -> bytes:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Olá"}], "max_tokens": 8}
    asked = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(asked).encode() + b"\n"


INPUT = line("q-1") + line("q-2")


def put_batches(world: Aws) -> None:
    """A file, a batch of it that is validated and served, and one with a bad line that is not validated yet."""
    s3, store = boto3.client("s3"), BatchStore(world.items)
    file = records.new_file(FILE, USER, "perguntas.jsonl", len(INPUT), NOW)
    FileStore(world.items).put(file)
    s3.put_object(Bucket=world.data_bucket, Key=file.object_key, Body=INPUT)
    for batch_id, file_id in ((BATCH, FILE), (BAD_BATCH, "file_bad")):
        request = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "168h"}
        options = {"metadata": {"backend": "gpu"}}
        # Its window is open while the test runs: handlers have the real clock.
        batch = store.create(model.new_batch(batch_id, USER, {**request, **options}, datetime.now(UTC)))
        lines = INPUT if batch_id == BATCH else INPUT + b"{"
        s3.put_object(Bucket=world.data_bucket, Key=batch.input_key, Body=lines)
    store.close_open(BAD_BATCH)
    put_upload(world)


def put_upload(world: Aws) -> None:
    """One of which every part is there."""
    request = {"filename": "perguntas.jsonl", "purpose": "batch", "bytes": len(INPUT)}
    upload = new_upload(UPLOAD, USER, request, datetime.now(UTC))
    uploads = UploadStore(world.items)
    uploads.create(upload)
    assert uploads.add_part(upload, UploadPart(PART, UPLOAD, len(INPUT), ids.timestamp(NOW)))
    boto3.client("s3").put_object(Bucket=world.data_bucket, Key=upload.parts_prefix + PART, Body=INPUT)


def begin(world: Aws, round_: int = 0) -> None:
    """The batch is validated, and planned so often."""
    store = BatchStore(world.items)
    report = validate(split([INPUT]), "/v1/chat/completions", MODEL)
    boto3.client("s3").put_object(Bucket=world.data_bucket, Key=f"batches/{BATCH}/input.jsonl", Body=INPUT)
    store.put_shards(BATCH, report.shards)
    start = RoundStart(planned=NextStep.GPU if round_ else NextStep.NONE)
    alter(
        store,
        REF,
        status=BatchStatus.IN_PROGRESS,
        total=report.total,
        model=MODEL,
        round=round_,
        newest_round=start,
    )


def answer_all(world: Aws) -> None:
    """Every line is finished and the shard is done."""
    store = BatchStore(world.items)
    answers = [LineResult(n, f"q-{n}", "ses_1", ids.timestamp(NOW), "Oi", "stop", 5, 1) for n in (1, 2)]
    store.keep_results(BATCH, 0, answers, datetime.now(UTC))
    store.progress(REF, 0, ShardProgress(completed=2, prompt_tokens=10, completion_tokens=2), done=True)


def scheduled(world: Aws) -> None:
    """People are told how the schedule's batches end, whatever they cost."""
    alter(BatchStore(world.items), REF, trigger=BatchTrigger.SCHEDULE)


def record(world: Aws, batch_id: str = BATCH) -> Batch:
    return known(BatchStore(world.items), BatchRef(USER, batch_id))


def results(world: Aws) -> Mapping[int, LineResult]:
    return BatchStore(world.items).finished(BATCH, 0).results


def shards_queued() -> list[dict[str, Any]]:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="batch")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in received]


def content(world: Aws, key: str) -> list[dict[str, Any]]:
    """The lines of an object of the data bucket."""
    body = boto3.client("s3").get_object(Bucket=world.data_bucket, Key=key)["Body"].read()
    return [json.loads(one) for one in body.splitlines()]
