"""OpenAI's own client tries again by itself when an answer is lost: what it asked for is made once all the same."""

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.batches.input.lines import CHAT
from foreverus.batches.records import BatchRef, ErrorEntry
from foreverus.batches.store import BatchStore
from foreverus.handlers import store_results
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import Aws
from tests.unit.files.gateway import BASE, Gateway

LINES = b'{"custom_id": "a"}\n'


@pytest.fixture
def gateway(aws: Aws) -> Gateway:
    return Gateway()


@pytest.fixture
def client(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[openai.OpenAI]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)
    http = httpx2.Client(transport=gateway)
    with openai.OpenAI(api_key="fu_ana", base_url=BASE, http_client=http) as made:
        yield made


def batch(client: openai.OpenAI, file_id: str, **more: Any) -> openai.types.Batch:
    return client.batches.create(input_file_id=file_id, endpoint=CHAT, completion_window="24h", **more)


def upload(client: openai.OpenAI, data: bytes = LINES, name: str = "p.jsonl") -> str:
    return client.files.create(file=(name, data), purpose="batch").id


@pytest.mark.parametrize("times", [1, 2])
def test_a_batch_whose_answer_was_lost_is_one(client: openai.OpenAI, gateway: Gateway, aws: Aws, times: int) -> None:
    file_id = upload(client)
    gateway.lost = ["POST /batches"] * times
    made = batch(client, file_id)
    assert gateway.seen.count("POST /batches") == times + 1
    assert [one.id for one in client.batches.list()] == [made.id]
    executions = bootstrap.aws.client("stepfunctions").list_executions(stateMachineArn=aws.batch_run_arn)["executions"]
    assert [one["name"] for one in executions] == [made.id]


def test_what_is_asked_for_twice_is_two_and_each_retry_finds_its_own(client: openai.OpenAI, gateway: Gateway) -> None:
    file_id = upload(client)
    first = batch(client, file_id)
    gateway.lost = ["POST /batches"]
    second = batch(client, file_id)
    assert {one.id for one in client.batches.list()} == {first.id, second.id}
    assert first.id != second.id


def test_a_retry_with_other_content_is_another_request(client: openai.OpenAI, gateway: Gateway) -> None:
    file_id = upload(client)
    batch(client, file_id, metadata={"run": "1"})
    headers = {"x-stainless-retry-count": "1"}
    batch(client, file_id, metadata={"run": "2"}, extra_headers=headers)
    assert len(client.batches.list().data) == 2
    batch(client, file_id, metadata={"run": "1"}, extra_headers=headers)
    assert len(client.batches.list().data) == 2


def test_a_file_whose_answer_was_lost_is_one(client: openai.OpenAI, gateway: Gateway) -> None:
    """Each try has another boundary."""
    gateway.lost = ["POST /files"]
    one = upload(client)
    assert [file.id for file in client.files.list()] == [one]
    gateway.lost = ["POST /files"]
    assert upload(client, LINES * 2) != one
    assert upload(client, name="q.jsonl") != one
    assert len(client.files.list().data) == 3


def test_an_announced_file_whose_answer_was_lost_is_one(client: openai.OpenAI, gateway: Gateway) -> None:
    gateway.lost = ["POST /files"]
    asked = {"filename": "p.jsonl", "purpose": "batch", "bytes": 5}
    made: dict[str, Any] = client.post("/files", cast_to=dict[str, Any], body=asked)
    assert made["upload"]["url"]
    assert [file.id for file in client.files.list()] == [made["id"]]


def test_a_conversation_its_message_and_its_gpu_are_one(client: openai.OpenAI, gateway: Gateway, aws: Aws) -> None:
    gateway.lost = ["POST /conversations", "POST /conversations/{conversation_id}/messages"]
    talk: dict[str, Any] = client.post("/conversations", cast_to=dict[str, Any], body={"title": "Olá"})
    path = f"/conversations/{talk['id']}/messages"
    said: dict[str, Any] = client.post(path, cast_to=dict[str, Any], body={"content": "Oi"})
    listed: dict[str, Any] = client.get("/conversations", cast_to=dict[str, Any])
    assert [one["id"] for one in listed["data"]] == [talk["id"]]
    shown: dict[str, Any] = client.get(path, cast_to=dict[str, Any])
    assert [one["id"] for one in shown["data"]] == [said["message"]["id"], said["answer"]["id"]]
    assert len(aws.queued()) == 1
    assert len(SessionStore(aws.items).newest(9)) == 1


def test_a_session_that_was_over_before_the_retry_is_not_started_again(
    client: openai.OpenAI, gateway: Gateway, aws: Aws
) -> None:
    started: dict[str, Any] = client.post("/sessions", cast_to=dict[str, Any], body={"idle_seconds": 60})
    headers = {"x-stainless-retry-count": "1"}
    aws.items.delete(keys.GPU_SLOT)  # no capacity: its execution has ended it
    again: dict[str, Any] = client.post(
        "/sessions", cast_to=dict[str, Any], body={"idle_seconds": 60}, options={"headers": headers}
    )
    assert again["id"] == started["id"]
    assert len(SessionStore(aws.items).newest(9)) == 1


KEY = {"Idempotency-Key": "night-7"}


def test_the_same_key_with_another_body_is_refused_and_named(client: openai.OpenAI, gateway: Gateway) -> None:
    file_id = upload(client)
    first = batch(client, file_id, extra_headers=KEY)
    for changed in ({"metadata": {"a": "b"}}, {"extra_body": {"completion_window": "30m"}}):
        with pytest.raises(openai.ConflictError) as caught:
            batch(client, file_id, extra_headers=KEY, **changed)
        assert caught.value.code == "idempotency_key_reused"
        assert "night-7" in caught.value.message
    assert gateway.seen.count("POST /batches") == 3, "the client, which tries a conflict again, was told not to"
    assert batch(client, file_id, extra_headers=KEY).id == first.id
    assert len(client.batches.list().data) == 1


@pytest.mark.parametrize("field", ["metadata", "output_expires_after"])
def test_null_is_as_if_absent_in_a_repeated_request_too(client: openai.OpenAI, field: str) -> None:
    file_id = upload(client)
    first = batch(client, file_id, extra_headers=KEY)
    assert batch(client, file_id, extra_headers=KEY, **{field: None}).id == first.id
    assert len(client.batches.list().data) == 1


def test_a_key_of_a_batch_that_failed_is_still_its(client: openai.OpenAI, aws: Aws) -> None:
    file_id = upload(client)
    first = batch(client, file_id, extra_headers=KEY)
    errors = [ErrorEntry("invalid_json", "no JSON", None, 1)]
    BatchStore(aws.items).reject_input(BatchRef("ana", first.id), errors, 1, bootstrap.aws.clock())
    client.files.delete(file_id)
    again = batch(client, file_id, extra_headers=KEY)
    assert (again.id, again.status) == (first.id, "failed")


@pytest.mark.parametrize("headers", [{"Idempotency-Key": "k"}, {"x-stainless-retry-count": "1"}])
@pytest.mark.parametrize("is_worked_off", [False, True])
def test_a_conversation_that_was_deleted_is_not_made_again(
    client: openai.OpenAI, aws: Aws, headers: dict[str, str], is_worked_off: bool
) -> None:
    """What is still owed of the first one would take the messages of the second; PostgreSQL would never have them."""

    def create() -> str:
        made: dict[str, Any] = client.post(
            "/conversations", cast_to=dict[str, Any], body={"title": "Olá"}, options={"headers": headers}
        )
        return str(made["id"])

    first = create()
    assert create() == first
    client.delete(f"/conversations/{first}", cast_to=object)
    if is_worked_off:
        store_results.handler({}, None)
    with pytest.raises(openai.ConflictError) as caught:
        create()
    assert (caught.value.code, caught.value.param) == ("conversation_deleted", "Idempotency-Key")
    listed: dict[str, Any] = client.get("/conversations", cast_to=dict[str, Any])
    assert listed["data"] == []
    another: dict[str, Any] = client.post("/conversations", cast_to=dict[str, Any], body={"title": "Olá"})
    assert another["id"] != first


def test_a_refused_request_does_not_use_its_key_up(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        batch(client, "file_of_nobody", extra_headers=KEY)
    assert batch(client, upload(client), extra_headers=KEY).id


@pytest.mark.parametrize("path", ["/files", "/conversations", "/sessions", "messages"])
def test_every_route_that_creates_takes_a_key(client: openai.OpenAI, path: str) -> None:
    bodies: dict[str, list[dict[str, Any]]] = {
        "/files": [{"filename": "p", "purpose": "batch", "bytes": size} for size in (1, 2)],
        "/conversations": [{"title": "a"}, {"title": "b"}],
        "/sessions": [{"idle_seconds": 60}, {"idle_seconds": 70}],
        "messages": [{"content": "a"}, {"content": "b"}],
    }
    own, other = bodies[path]
    if path == "messages":
        talk: dict[str, Any] = client.post("/conversations", cast_to=dict[str, Any], body={})
        path = f"/conversations/{talk['id']}/messages"

    def post(body: dict[str, Any]) -> Any:
        made: dict[str, Any] = client.post(path, cast_to=dict[str, Any], body=body, options={"headers": KEY})
        return made.get("id") or made["message"]["id"]

    first = post(own)
    assert post(own) == first
    with pytest.raises(openai.ConflictError) as caught:
        post(other)
    assert caught.value.code == "idempotency_key_reused"
