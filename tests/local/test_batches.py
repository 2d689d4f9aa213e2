"""Batches on the whole stack: OpenAI's unmodified client in front, a GPU or Bedrock behind, nothing on afterwards."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, NotFoundError, OpenAI

from foreverus.aws import keys
from foreverus.files.service import MAX_UPLOAD_PART_BYTES
from local import history
from local.cloud import Cloud
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests import quiet_logs
from tests.local.batches import (
    finished,
    finished_lines,
    ids_of,
    jsonl,
    line,
    lines_of,
    openai,
    questions,
    submit,
    transitions,
)
from tests.local.sessions import PATIENCE_S, end_every_session, invoke, live_instances, wait_until

pytestmark = pytest.mark.cloud

GPU = {"backend": "gpu"}
BEDROCK = {"backend": "bedrock"}
PLANTED = line("q-25", f"Say the number 25. {quiet_logs.PLANTED_PROMPT}")  # and no log says it: tests/quiet_logs.py
ONE_A_SECOND, FAST = 24.0, 1000.0  # tokens a second and stream; a line has 24 tokens


@pytest.fixture
def client(cloud: Cloud) -> Iterator[OpenAI]:
    with openai(cloud) as one:
        yield one


def expected(count: int) -> list[str]:
    return [f"q-{number}" for number in range(1, count + 1)]


def promised(cloud: Cloud) -> int:
    table = cloud.emulator.client("dynamodb")
    values = {":p": {"S": "PENDING"}}
    name = cloud.stack["TableName"]
    return int(table.query(TableName=name, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)["Count"])


def test_a_batch_buys_its_gpu_and_gives_it_back(cloud: Cloud, person: Person, client: OpenAI) -> None:
    end_every_session(person)
    batch = submit(client, [*questions(24), PLANTED], **GPU)
    assert batch.status == "validating"
    done = finished(client, batch)
    assert (done.status, done.request_counts and done.request_counts.total) == ("completed", 25)
    output = lines_of(client, done.output_file_id)
    assert [one["custom_id"] for one in output] == expected(25)
    assert all(one["response"]["body"]["choices"][0]["message"]["content"].strip() for one in output)
    assert done.error_file_id is None
    assert done.usage and done.usage.output_tokens == sum(
        one["response"]["body"]["usage"]["completion_tokens"] for one in output
    )
    ours: dict[str, Any] = done.model_extra["foreverus"]  # type: ignore[index]
    assert ours["backend"] == "gpu"
    assert ours["cost_usd"] > 0
    assert len(ours["sessions"]) == 1
    assert ours["choice_text"]
    assert cloud.inbox.wait_for(batch.id, PATIENCE_S)
    wait_until(lambda: stored(cloud, batch.id) == [("completed", 25)], "the summary is in PostgreSQL")
    assert len(transitions(cloud, batch.id)) <= 14
    session = person.call("GET", f"/sessions/{ours['sessions'][0]}")
    assert session["trigger"] == "batch"
    end_every_session(person)
    assert live_instances(cloud) == []
    assert promised(cloud) == 0


def stored(cloud: Cloud, batch_id: str) -> list[tuple[str, int]]:
    rows = history.rows(cloud, "SELECT status, lines FROM batches WHERE batch_id = :id", id=batch_id)
    return [(status, lines) for status, lines in rows]


def test_a_bad_file_fails_with_its_lines_and_costs_nothing(cloud: Cloud, person: Person, client: OpenAI) -> None:
    lines = [
        *questions(3),
        line("q-1", "again"),
        {**line("x", "?"), "url": "/v1/embeddings"},
        line("y", "?", logit_bias={"50256": -100}),
        line("z", "?", web_search_options={}),
        line("w", "?", top_k=5),
    ]
    failed = finished(client, submit(client, lines, **GPU))
    assert failed.status == "failed"
    assert failed.errors and failed.errors.data
    assert [(one.line, one.code) for one in failed.errors.data] == [
        (4, "duplicate_custom_id"),
        (5, "mismatched_url"),
        (6, "invalid_field"),
        (7, "unsupported_parameter"),
        (8, "unknown_parameter"),
    ]
    assert failed.output_file_id is None
    # Nobody is mailed for it: the next batch's mail comes, and this one's is not there.
    good = finished(client, submit(client, questions(1), **BEDROCK))
    assert cloud.inbox.wait_for(good.id, PATIENCE_S) and not cloud.inbox.wait_for(failed.id, 0)
    assert "Serve on GPU" not in transitions(cloud, failed.id)


def test_what_bedrock_cannot_do_is_a_gpus_and_its_answers_may_be_given_back(
    cloud: Cloud, person: Person, client: OpenAI
) -> None:
    end_every_session(person)
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}}, "required": ["name"]}
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
    asks_nothing = {"tools": None, "logit_bias": None, "service_tier": "auto", "logprobs": False, "store": False}
    lines = [
        line("schema", "Say a name.", response_format=form, max_tokens=60),
        line("hot", "Say hi.", temperature=1.3),
        line("edges", "Say hi.", top_p=0, stop="", max_tokens=1_000_000, **asks_nothing),
    ]
    lines[2]["body"]["messages"][1]["name"] = "Ana Maria"
    refused = finished(client, submit(client, lines, backend="bedrock"))
    assert refused.status == "failed" and refused.errors and refused.errors.data
    assert [(one.line, one.code, one.param) for one in refused.errors.data] == [
        (1, "unsupported_parameter", "body.response_format"),
        (2, "unsupported_parameter", "body.temperature"),
    ]
    done = finished(client, submit(client, lines))
    assert (done.status, done.error_file_id) == ("completed", None)
    ours: dict[str, Any] = done.model_extra["foreverus"]  # type: ignore[index]
    assert ours["backend"] == "gpu" and "body.response_format of line 1 needs the GPU" in ours["choice_text"]
    said = [one["response"]["body"]["choices"][0]["message"] for one in lines_of(client, done.output_file_id)]
    assert len(said) == 3
    again = [line(f"again-{number}", "And then?") for number in range(3)]
    for one, message in zip(again, said, strict=True):
        one["body"]["messages"][1:1] = [{"role": "user", "content": "Say hi."}, message]
    given_back = finished(client, submit(client, again, **GPU))
    assert (given_back.status, given_back.error_file_id) == ("completed", None)
    end_every_session(person)


def test_a_batch_survives_its_worker_its_engine_and_its_instance(
    cloud: Cloud, person: Person, client: OpenAI, set_pace: Callable[[float], None]
) -> None:
    end_every_session(person)
    set_pace(ONE_A_SECOND)
    batch = submit(client, questions(60, max_tokens=24), **GPU)
    places = Places(Path(cloud.state.directory))
    wait_until(lambda: finished_lines(client, batch) >= 8, "some lines are answered")
    set_pace(0)
    (lost,) = live_instances(cloud)
    faults.kill(places, lost, "worker")
    wait_until(lambda: live_instances(cloud) not in ([lost], []), "another GPU is bought")
    set_pace(FAST)
    before = finished_lines(client, batch)
    done = finished(client, batch)
    assert done.status == "completed", done.errors
    assert before >= 8  # what was finished is not answered again
    assert ids_of(client, done) == expected(60)
    end_every_session(person)
    assert live_instances(cloud) == []


def test_cancelling_keeps_what_is_answered_and_names_what_is_not(
    cloud: Cloud, person: Person, client: OpenAI, set_pace: Callable[[float], None]
) -> None:
    end_every_session(person)
    set_pace(ONE_A_SECOND)
    batch = submit(client, questions(80, max_tokens=24), **GPU)
    wait_until(lambda: finished_lines(client, batch) >= 5, "some lines are answered")
    set_pace(0)
    assert client.batches.cancel(batch.id).status == "cancelling"
    done = finished(client, batch)
    assert done.status == "cancelled"
    assert sorted(ids_of(client, done)) == sorted(expected(80))
    assert len(lines_of(client, done.output_file_id)) >= 5
    assert {one["error"]["code"] for one in lines_of(client, done.error_file_id)} == {"batch_cancelled"}
    assert client.batches.cancel(batch.id).status == "cancelled"
    assert promised(cloud) == 0


def test_bedrock_answers_when_it_is_asked_to(cloud: Cloud, person: Person, client: OpenAI) -> None:
    end_every_session(person)
    done = finished(client, submit(client, [*questions(12), PLANTED], backend="bedrock"))
    assert done.status == "completed", done.errors
    assert ids_of(client, done) == [*expected(12), PLANTED["custom_id"]]
    assert live_instances(cloud) == []
    ours: dict[str, Any] = done.model_extra["foreverus"]  # type: ignore[index]
    assert (ours["backend"], ours["sessions"]) == ("bedrock", [])
    assert ours["cost_usd"] > 0


def test_files_come_and_go_like_openais(cloud: Cloud, person: Person, client: OpenAI) -> None:
    made = client.files.create(file=("a.jsonl", jsonl(questions(2))), purpose="batch")
    assert (made.object, made.filename, made.status) == ("file", "a.jsonl", "processed")
    assert client.files.retrieve(made.id).bytes == len(jsonl(questions(2)))
    assert client.files.content(made.id).content == jsonl(questions(2))
    assert made.id in [file.id for file in client.files.list(limit=2)]  # pages until it has seen all
    assert client.files.delete(made.id).deleted
    with pytest.raises(NotFoundError):
        client.files.retrieve(made.id)
    with pytest.raises(NotFoundError) as refused:
        client.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert refused.value.param == "input_file_id"


def test_a_file_that_is_deleted_at_once_is_answered_all_the_same(cloud: Cloud, person: Person, client: OpenAI) -> None:
    batch = submit(client, questions(6), backend="bedrock")
    client.files.delete(batch.input_file_id)
    done = finished(client, batch)
    assert (done.status, ids_of(client, done)) == ("completed", expected(6)), done.errors


def test_what_is_deleted_of_a_batch_is_in_no_store(cloud: Cloud, person: Person, client: OpenAI) -> None:
    batch = submit(client, questions(6), backend="bedrock")
    done = finished(client, batch)
    files = [done.input_file_id, done.output_file_id]
    assert places_of(cloud, [done.id]) == []  # our copy went with the end
    assert len(places_of(cloud, files)) == 2 and lines_in_table(cloud, done.id) == 6
    for file_id in files:
        assert file_id and client.files.delete(file_id).deleted
    erased = invoke(cloud, "StoreResults", {"source": "aws.events"})
    assert {one["name"] for one in erased if one.get("kind") == "file"} >= set(files)
    assert (places_of(cloud, files), lines_in_table(cloud, done.id)) == ([], 0)
    assert client.batches.retrieve(done.id).status == "completed"


def places_of(cloud: Cloud, names: list[Any]) -> list[str]:
    """The keys of the bucket that one of these ids stands in."""
    found = cloud.emulator.client("s3").list_objects_v2(Bucket=cloud.stack["DataBucket"]).get("Contents", [])
    return [one["Key"] for one in found if any(str(name) in one["Key"] for name in names)]


def lines_in_table(cloud: Cloud, batch_id: str) -> int:
    values = {":p": {"S": keys.lines_partition(batch_id, 0)}}
    found = cloud.emulator.client("dynamodb").query(
        TableName=cloud.stack["TableName"], KeyConditionExpression="pk = :p", ExpressionAttributeValues=values
    )
    return int(found["Count"])


def test_an_idempotency_key_makes_one_batch(cloud: Cloud, person: Person, client: OpenAI) -> None:
    file = client.files.create(file=("a.jsonl", jsonl(questions(2))), purpose="batch")
    ids = {
        client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"backend": "bedrock"},
            extra_headers={"Idempotency-Key": "only-once"},
        ).id
        for _ in range(2)
    }
    assert len(ids) == 1
    finished(client, client.batches.retrieve(ids.pop()))


def test_a_file_whose_time_is_over_is_deleted_by_the_sweep(cloud: Cloud, person: Person, client: OpenAI) -> None:
    """With the permissions that the sweep has. The table says that an hour is over."""
    day: Any = {"anchor": "created_at", "seconds": 3600}
    file = client.files.create(file=("a.jsonl", jsonl(questions(2))), purpose="batch", expires_after=day)
    assert file.expires_at == file.created_at + 3600
    table, name = cloud.emulator.client("dynamodb"), cloud.stack["TableName"]
    past = "2026-01-01T00:00:00.000Z"
    query = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "EXPIRING#FILES"}}}
    noted, *_ = [one for one in table.query(TableName=name, **query)["Items"] if one["file_id"]["S"] == file.id]
    row = {"pk": {"S": f"USER#{noted['user_id']['S']}"}, "sk": {"S": f"FILE#{file.id}"}}
    table.update_item(
        TableName=name, Key=row, UpdateExpression="SET expires_at = :t", ExpressionAttributeValues={":t": {"S": past}}
    )
    table.put_item(TableName=name, Item={**noted, "sk": {"S": f"{past}#{file.id}"}})
    with pytest.raises(NotFoundError):
        client.files.retrieve(file.id)
    assert f"{file.id} deleted" in invoke(cloud, "SweepFunction", {})["expired files"]
    objects = cloud.emulator.client("s3").list_objects_v2(Bucket=cloud.stack["DataBucket"], Prefix="files/")
    assert not [one for one in objects.get("Contents", []) if file.id in one["Key"]]
    assert "Item" not in table.get_item(TableName=name, Key=row)


def test_a_large_file_goes_in_parts_and_comes_back(
    cloud: Cloud, person: Person, client: OpenAI, tmp_path: Path
) -> None:
    """Through the gateway, with the permissions that the stack has."""
    path = tmp_path / "big.jsonl"
    path.write_bytes(jsonl([line(f"q-{n}", "x" * 50_000, max_tokens=1) for n in range(1, 401)]))  # 20 MB
    request: dict[str, Any] = {"file": path, "mime_type": "application/jsonl", "purpose": "batch"}
    upload = client.uploads.upload_file_chunked(**request, part_size=MAX_UPLOAD_PART_BYTES)
    assert upload.file and upload.file.bytes == path.stat().st_size
    assert client.files.content(upload.file.id).content == path.read_bytes()
    found = cloud.emulator.client("s3").list_objects_v2(Bucket=cloud.stack["DataBucket"], Prefix="uploads/")
    assert not [one["Key"] for one in found.get("Contents", []) if one["Size"] and upload.id in one["Key"]]
    with pytest.raises(APIStatusError) as refused:
        client.uploads.upload_file_chunked(**request)  # the client's own part size
    assert refused.value.status_code == 413
    given_up = client.uploads.create(filename="a", purpose="batch", bytes=9, mime_type="application/jsonl")
    client.uploads.parts.create(given_up.id, data=b"123456789")
    assert client.uploads.cancel(given_up.id).status == "cancelled"


def test_a_large_file_goes_straight_to_the_bucket_and_back(cloud: Cloud, person: Person, client: OpenAI) -> None:
    content = jsonl([line(f"q-{n}", "x" * 50_000, max_tokens=1) for n in range(1, 121)])  # 6 MB
    made = person.call("POST", "/files", {"filename": "big.jsonl", "purpose": "batch", "bytes": len(content)})
    upload = made["upload"]
    put = person.http.put(upload["url"], content=content, headers=upload["headers"])
    assert put.status_code == 200, put.text
    assert client.files.retrieve(made["id"]).status == "processed"
    assert client.files.content(made["id"]).content == content
    again = person.http.put(upload["url"], content=b"x" * len(content), headers=upload["headers"])
    assert again.status_code == 412, again.text


@pytest.mark.parametrize("arrived", [False, True])
def test_an_address_takes_nothing_once_its_file_is_deleted(
    cloud: Cloud, person: Person, client: OpenAI, arrived: bool
) -> None:
    made = person.call("POST", "/files", {"filename": "late.jsonl", "purpose": "batch", "bytes": 5})
    upload = made["upload"]
    if arrived:
        assert person.http.put(upload["url"], content=b"12345", headers=upload["headers"]).status_code == 200
    assert client.files.delete(made["id"]).deleted
    assert person.http.put(upload["url"], content=b"54321", headers=upload["headers"]).status_code == 412
    found = cloud.emulator.client("s3").list_objects_v2(Bucket=cloud.stack["DataBucket"], Prefix="files/")
    assert not [one for one in found.get("Contents", []) if one["Key"].endswith(made["id"])]
