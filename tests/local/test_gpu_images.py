"""Images that a GPU's model is shown, on the laptop's cloud: the bytes that arrive at its engine, and what a stolen
machine gets of anybody's. The engine is paced: it keeps a checksum of what it is shown, and sees and says nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from foreverus import ids
from foreverus.abilities.read_image.checking import checked
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.batches.plan.records import NextRound, RoundStart
from foreverus.batches.records import Batch, BatchRef, Shard, ValidatedInput
from foreverus.batches.store import BatchStore
from foreverus.choice.records import NextStep
from local.cloud import Cloud, running
from local.state import LOCAL
from tests.cloud import unique
from tests.local.batches import finished, jsonl, line, lines_of, submit
from tests.local.batches import openai as openai_client
from tests.local.test_containers import until
from tests.local.test_images import NOTE, asking
from tests.local.test_instance_role import Stolen, is_refused, stolen  # noqa: F401  # a fixture

pytestmark = pytest.mark.cloud

SHOWN = sha256(checked(NOTE).data).hexdigest()


@pytest.fixture(scope="module")
def place() -> Iterator[Cloud]:
    parameters = {"Images": "gpu", "GpuModelSees": "qwen-vl"}
    state = LOCAL / "tests" / unique("gpu-images")
    options: dict[str, Any] = {"usual_ports": False, "wait_scale": 0.1, "pace": 200.0, "parameters": parameters}
    with running(state, lambda text: None, **options) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def cloud(place: Cloud) -> Cloud:
    """That of the stolen machine."""
    return place


@pytest.fixture
def client(place: Cloud) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {place.outputs['api_key']}"}
    with httpx.Client(base_url=place.outputs["api_url"], headers=headers, trust_env=False, timeout=300) as made:
        yield made


def shown(place: Cloud) -> list[str]:
    """What the engines of this cloud were shown."""
    logs = Path(place.state.directory).rglob("*-engine.log")
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return [line.removeprefix("shown: ") for line in lines if line.startswith("shown: ")]


def upload(client: httpx.Client) -> str:
    form = {"files": {"file": ("note.png", NOTE, "image/png")}, "data": {"purpose": "vision"}}
    return str(client.post("/files", **form).raise_for_status().json()["id"])


def send(client: httpx.Client, *images: str, **more: Any) -> Any:
    talk = client.post("/conversations", json={}).raise_for_status().json()["id"]
    asked = {"content": "count to 3", "images": list(images), **more}
    return client.post(f"/conversations/{talk}/messages", json=asked).raise_for_status().json()


def test_message_buys_a_gpu_whose_engine_gets_its_images_and_openais_client_likewise(
    place: Cloud, client: httpx.Client
) -> None:
    posted = send(client, upload(client))
    assert posted["answer"]["choice"]["backend"] == "gpu", "nobody else sees"
    assert posted["answer"]["choice"]["numbers"]["images_seen_by"]
    talk = posted["message"]["conversation_id"]

    def answer() -> Any:
        found = client.get(f"/conversations/{talk}/messages").raise_for_status().json()["data"][1]
        return found if found["status"] in ("answered", "failed") else None

    answered = until(answer)
    assert (answered["status"], answered["content"].split()) == ("answered", ["1", "2", "3"]), answered
    assert shown(place) == [SHOWN], "the very bytes that were kept"
    with OpenAI(base_url=place.outputs["api_url"], api_key=place.outputs["api_key"], max_retries=5) as openai:
        model = openai.models.list().data[0].id
        whole = openai.chat.completions.create(model=f"{model}@gpu", messages=asking(NOTE), max_tokens=8)
        assert whole.model == f"{model}@gpu"
        stream = openai.chat.completions.create(model=model, messages=asking(NOTE, NOTE), max_tokens=8, stream=True)
        assert {one.model for one in stream} == {f"{model}@gpu"}
    assert shown(place) == [SHOWN] * 4
    s3, bucket = place.emulator.client("s3"), place.stack["DataBucket"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="shown/"), "nothing stays of a request"


def naming(name: str, *file_ids: str) -> dict[str, Any]:
    """A line of a batch that shows these."""
    parts = [{"type": "file", "file": {"file_id": one}} for one in file_ids]
    return line(name, "", messages=[{"role": "user", "content": [{"type": "text", "text": "count to 3"}, *parts]}])


def test_batch_buys_a_gpu_whose_engine_gets_its_lines_images_and_the_output_says_who_saw(
    place: Cloud, client: httpx.Client
) -> None:
    before, image = shown(place), upload(client)
    asked = [
        line("plain", "count to 3"),
        line("spelled", "", messages=asking(NOTE)),
        naming("named", image, image),
    ]
    with openai_client(place) as openai:
        file = openai.files.create(file=("questions.jsonl", jsonl(asked)), purpose="batch").id
        quote: Any = openai.post("/quotes", cast_to=object, body={"kind": "batch", "file_id": file})
        gpu, bedrock = quote["backends"]
        assert quote["auto"]["backend"] == "gpu" and gpu["usd"]["expected"] > 0
        assert bedrock["usd"] is None and "Nobody on Bedrock sees the images of line 2" in bedrock["why_not"]
        refused = finished(openai, submit(openai, asked, backend="bedrock"))
        assert refused.errors and refused.errors.data
        assert [(one.line, one.code) for one in refused.errors.data] == [(n, "images_not_seen") for n in (2, 3)]
        batch = finished(openai, submit(openai, asked))
        assert batch.status == "completed" and batch.errors is None and batch.error_file_id is None, batch
        said = {one["custom_id"]: one["response"]["body"] for one in lines_of(openai, batch.output_file_id)}
        model = openai.models.list().data[0].id
    assert {one["model"] for one in said.values()} == {model}
    by = {"images_seen_by": model}
    assert {name: one.get("foreverus") for name, one in said.items()} == {"plain": None, "spelled": by, "named": by}
    own = batch.model_extra["foreverus"]  # type: ignore[index]
    assert own["backend"] == "gpu" and f"are seen by {model} on the GPU alone" in own["choice_text"]
    assert own["cost_usd"] > 0 and own["choice"]["gpu_image_tokens"] > 0 and not own["choice"]["bedrock_allowed"]
    assert shown(place) == [*before, *[SHOWN] * 3], "the very bytes that were kept, as often as they are shown"


def owner(place: Cloud, file_id: str) -> str:
    pages = place.emulator.client("dynamodb").get_paginator("scan").paginate(TableName=place.stack["TableName"])
    items = (item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("USER#"))
    return next(str(one["pk"]["S"]).removeprefix("USER#") for one in items if file_id in one["sk"]["S"])


def lend(it: Stolen, message: Any, *file_ids: str) -> Any:
    asked = {"conversation_id": message["conversation_id"], "message_id": message["id"], "file_ids": list(file_ids)}
    told = it.client("lambda").invoke(FunctionName=it.physical("ShowImagesFunction"), Payload=json.dumps(asked))
    return None if "FunctionError" in told else json.load(told["Payload"])["addresses"]


def test_stolen_machine_is_lent_images_of_questions_that_wait_and_reads_no_others(
    place: Cloud,
    client: httpx.Client,
    stolen: Stolen,  # noqa: F811
) -> None:
    """A question that waits is put into the table, so that no GPU takes it before the machine asks."""
    table = Table(place.emulator.client("dynamodb"), place.stack["TableName"])
    mine, other = (next(iter(send(client, upload(client))["message"]["images"]))["file_id"] for _ in range(2))
    user = owner(place, mine)
    file = table.get(keys.file_key(user, mine))
    assert file
    message = {"conversation_id": file["conversation_id"], "id": "msg_waits"}
    assert lend(stolen, message, mine) is None, "nothing waits"
    table.put({**keys.pending_key("msg_waits"), "user_id": user, "conversation_id": file["conversation_id"]})
    try:
        addresses = lend(stolen, message, mine, other)
        assert addresses.keys() == {mine}, "of its conversation alone"
        assert httpx.get(addresses[mine], trust_env=False).content == checked(NOTE).data
        forged = addresses[mine].replace(mine, other)
        assert httpx.get(forged, trust_env=False).status_code == 403, "an address opens one image"
        assert lend(stolen, {**message, "conversation_id": "conv_x"}, mine) is None
    finally:
        table.delete(keys.pending_key("msg_waits"))
    s3 = stolen.client("s3")
    for key in (file["object_key"], "shown/req_1/0"):
        assert is_refused(lambda key=key: s3.get_object(Bucket=stolen.bucket, Key=key))
        assert is_refused(lambda key=key: s3.put_object(Bucket=stolen.bucket, Key=key, Body=b""))
    dynamodb = stolen.client("dynamodb")
    for key in (keys.pending_key("msg_forged"), keys.file_key(user, other)):
        item = stolen.item(key)
        assert is_refused(lambda item=item: dynamodb.put_item(TableName=stolen.table, Item=item))
        assert is_refused(lambda item=item: dynamodb.update_item(TableName=stolen.table, Key=item))


def of_a_batch(place: Cloud, ref: BatchRef, *lines: dict[str, Any]) -> None:
    """In its first round on a GPU, which no worker is told of, so that none answers before the machine asks."""
    store = BatchStore(Table(place.emulator.client("dynamodb"), place.stack["TableName"]))
    key, data, now = f"batches/{ref.batch_id}/input.jsonl", jsonl(list(lines)), datetime.now(UTC)
    place.emulator.client("s3").put_object(Bucket=place.stack["DataBucket"], Key=key, Body=data)
    times = {"created_at": ids.timestamp(now), "expires_at": ids.timestamp(now + timedelta(hours=1))}
    store.create(Batch(batch_id=ref.batch_id, user_id=ref.user_id, input_key=key, **times))
    tokens = {"prompt_tokens_estimate": 1, "completion_tokens_limit": 1}
    found = ValidatedInput(total=len(lines), shards=1, model="m", images_line=1, gpu_sees=True, **tokens)
    store.validated(ref, found, now)
    store.put_shards(ref.batch_id, [Shard(0, 1, len(lines), 0, len(data))])
    assert store.begin_round(ref, NextRound(number=1, start=RoundStart(planned=NextStep.GPU), choice={}))


def lend_of(it: Stolen, ref: BatchRef, number: int, **changes: Any) -> Any:
    asked = {"user_id": ref.user_id, "batch_id": ref.batch_id, "round": 1, "shard": 0, "line": number, **changes}
    told = it.client("lambda").invoke(FunctionName=it.physical("ShowImagesFunction"), Payload=json.dumps(asked))
    return "failed" if "FunctionError" in told else json.load(told["Payload"])["addresses"]


def test_stolen_machine_is_lent_images_of_lines_that_a_gpu_answers_and_of_no_others(
    place: Cloud,
    client: httpx.Client,
    stolen: Stolen,  # noqa: F811
) -> None:
    mine, other = upload(client), upload(client)
    user = owner(place, mine)
    ref, waits = BatchRef(user, unique("batch_here")), BatchRef(user, unique("batch_elsewhere"))
    of_a_batch(place, ref, naming("a", mine), line("b", "count to 3"))
    of_a_batch(place, waits, naming("a", other))
    table = Table(place.emulator.client("dynamodb"), place.stack["TableName"])
    store = BatchStore(table)
    try:
        store.begin_round(waits, NextRound(number=2, start=RoundStart(planned=NextStep.WAIT), choice={}))
        addresses = lend_of(stolen, ref, 1)
        assert addresses.keys() == {mine} and lend_of(stolen, ref, 2) == {}
        assert httpx.get(addresses[mine], trust_env=False).content == checked(NOTE).data
        forged = addresses[mine].replace(mine, other)
        assert httpx.get(forged, trust_env=False).status_code == 403, "an address opens one image"
        assert [lend_of(stolen, waits, 1, round=n) for n in (1, 2)] == [None, None], "no GPU has that batch now"
        assert lend_of(stolen, replace(ref, user_id="somebody-else"), 1) is None
        assert lend_of(stolen, ref, 1, file_ids=[other]) == "failed", "it names a line, and no image"
        shard = stolen.item(keys.shard_key(ref.batch_id, 0))
        change = {":it": {"S": f"batches/{waits.batch_id}/input.jsonl"}}
        stolen.client("dynamodb").update_item(
            TableName=stolen.table,
            Key=shard,
            UpdateExpression="SET input_key = :it",
            ExpressionAttributeValues=change,
        )
        assert lend_of(stolen, ref, 1).keys() == {mine}, "what it may write opens nothing more"
        s3, dynamodb = stolen.client("s3"), stolen.client("dynamodb")
        assert is_refused(lambda: s3.put_object(Bucket=stolen.bucket, Key=f"batches/{ref.batch_id}/input.jsonl"))
        batch = stolen.item(keys.batch_key(user, waits.batch_id))
        assert is_refused(lambda: dynamodb.put_item(TableName=stolen.table, Item=batch))
        assert is_refused(lambda: dynamodb.update_item(TableName=stolen.table, Key=batch))
        store.cancel(ref, datetime.now(UTC))
        assert lend_of(stolen, ref, 1) is None
    finally:
        for one in (ref, waits):
            for key in (
                keys.batch_key(user, one.batch_id),
                keys.open_batch_key(one.batch_id),
                keys.shard_key(one.batch_id, 0),
            ):
                table.delete(key)
