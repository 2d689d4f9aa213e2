"""The baseline of the ways to the first word runs, keeps what it says, and makes the calls that it says."""

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest

from bench.asking import says
from bench.bare import KEYS, LEAST, LIKE, with_items_of_the_least
from tests.unit.conftest import Aws

MODULES = ("calls", "accept", "answer", "stream")


class Bedrock:
    def __init__(self, *words: str) -> None:
        self.words = words

    def converse_stream(self, **asked: Any) -> Any:
        if not self.words:
            raise RuntimeError("Bedrock refuses")
        return {"stream": [{"contentBlockDelta": {"delta": {"text": word}}} for word in self.words]}


class Sockets:
    def __init__(self) -> None:
        self.frames: list[Any] = []

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:
        self.frames.append(json.loads(Data))


class Functions:
    def __init__(self) -> None:
        self.events: list[Any] = []

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> None:
        self.events.append(json.loads(Payload))


@pytest.fixture
def least(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    monkeypatch.syspath_prepend(str(LEAST))
    variables = {"CALLBACK_URL": "http://127.0.0.1:1", "ANSWER_FUNCTION": "answer", "BEDROCK_MODEL_ID": "m"}
    for name, value in {"TABLE_NAME": aws.items.name, **variables}.items():
        monkeypatch.setenv(name, value)
    assert os.environ["TABLE_NAME"] == aws.items.name and boto3.DEFAULT_SESSION is not None
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def calls_of(module: ModuleType) -> list[str]:
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    module.table.client.meta.events.register("before-call.dynamodb", note)
    return made


def test_a_chat_is_accepted_and_answered(least: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    accept, answer, sockets, functions = least["accept"], least["answer"], Sockets(), Functions()
    monkeypatch.setattr(accept, "functions", functions)
    monkeypatch.setattr(answer, "bedrock", Bedrock("1", " 2"))
    monkeypatch.setattr(answer, "sockets", sockets)
    made = calls_of(accept)
    for number in range(2):
        made.clear()
        posted = {"id": f"msg_{number}", "connection": "one", "content": "count to 2"}
        assert accept.handler({"body": json.dumps(posted)}, None)["statusCode"] == 202
        assert made == ["BatchGetItem", "Query", "TransactWriteItems"]
        made.clear()
        answer.handler(functions.events.pop(), None)
        reads = ["Query", "BatchGetItem", "Query", "Query"]
        assert made == ["UpdateItem", *reads, "TransactWriteItems", "TransactWriteItems"]
        assert sockets.frames.pop() == {"type": "bench", "id": f"msg_{number}", "text": "1"}


@pytest.mark.parametrize("gpu", [False, True])
def test_a_request_is_let_in_and_counted(least: dict[str, ModuleType], gpu: bool) -> None:
    stream = least["stream"]
    made = calls_of(stream)
    for number in range(2):
        made.clear()
        stream.enter(f"req_{number}", gpu)
        looks = ["Query"] * 4 if gpu else []
        assert made == ["BatchGetItem", *looks, "TransactWriteItems", *(["TransactWriteItems"] if gpu else [])]
        if not gpu:
            made.clear()
            stream.leave(f"req_{number}", 2)
            assert made == ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"]


@pytest.mark.parametrize(("words", "status"), [(("1", " 2"), 200), ((), 502)])
def test_a_request_has_its_status_with_the_first_word(
    least: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], status: int
) -> None:
    stream = least["stream"]
    monkeypatch.setattr(stream, "bedrock", Bedrock(*words))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"body": json.dumps(says(2)).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(stream.app({}, receive, send))
    assert sent[0]["status"] == status
    said = [json.loads(one["body"].removeprefix(b"data: ")) for one in sent[1:-1]]
    assert [one["choices"][0]["delta"]["content"] for one in said[:-1]] == list(words)


def test_the_least_have_the_rights_of_ours_to_items_of_their_own() -> None:
    condition = {"Null": {KEYS: "false"}, LIKE: {KEYS: ["GPU", "PURSE#*"]}}
    other = {"Action": "sqs:SendMessage", "Resource": "arn"}
    found = with_items_of_the_least({"Statement": [{"Action": "dynamodb:Query", "Condition": condition}, other]})
    assert found["Statement"][0]["Condition"] == {
        "Null": {KEYS: "false"},
        LIKE: {KEYS: ["BENCH#*", "GPU", "PURSE#*"]},
    }
    assert found["Statement"][1] == other
