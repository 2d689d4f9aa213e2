"""AWS's bounds that people's data can reach: for each the code that holds it, and what that makes of the largest
permitted input. Figures: AWS's quotas of November 2026, in bytes where nothing else is said."""

import asyncio
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.api import schemas
from foreverus.api.listing import MAX_LIST_BYTES, Listing
from foreverus.api.requests import MOST_BYTES
from foreverus.api.responses import Body, json_response
from foreverus.aws import keys
from foreverus.aws.dynamo import MOST_WRITES, Table, Values
from foreverus.aws.push import MAX_DELTA_CODE_POINTS, MemoryPush
from foreverus.aws.sqs import ChatQueue, ShardQueue
from foreverus.aws.step_functions import StepFunctionsTasks
from foreverus.backends.port import MOST_ANSWER_BYTES, Completion, Delta, ToolCallPiece
from foreverus.batches import items as batch_items
from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import CHAT, Line, split
from foreverus.batches.model import new_batch
from foreverus.batches.notification import notification as batch_notification
from foreverus.batches.records import Batch
from foreverus.batches.shards.results import answered
from foreverus.batches.views import public_batch
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.frames import conversation_frame, delta_frame, message_frame
from foreverus.conversations.items import conversation_to_item, question_to_item
from foreverus.conversations.library import MOST_PROMPTS, LibraryPrompt, prompt_to_item, public_prompt
from foreverus.conversations.records import Answer, AnswerError, Conversation, FinishedAnswer, MessageRef, Question
from foreverus.conversations.remembered.records import MOST_MEMORIES, Memory
from foreverus.conversations.remembered.store import memory_to_item
from foreverus.conversations.sizes import MOST_QUESTION_BYTES
from foreverus.conversations.streaming.live import PostLimit
from foreverus.conversations.views import public_answer, public_conversation, public_question
from foreverus.costs.prices import Price, TokenPrice
from foreverus.costs.usage.report import Elsewhere, Group, GroupBy, Report, Sum
from foreverus.documents.chunks import CHUNK_CHARACTERS
from foreverus.documents.records import MOST_FOUND
from foreverus.files.records import MOST_FILENAME_CHARACTERS, new_file, object_key
from foreverus.files.store import to_item
from foreverus.files.views import public_file
from foreverus.live import changes
from foreverus.live.connections import MOST_TOPICS
from foreverus.notifications.notification import Notification
from foreverus.relay.codec import MOST_KEPT_BYTES, packed_deltas
from foreverus.relay.records import RequestRef
from foreverus.results.rows import chunks, message_rows
from foreverus.sessions.closing import CAUSE_LIMIT
from foreverus.sessions.notification import notification as session_notification
from foreverus.sessions.records import Session
from foreverus.sessions.refused import MOST_REFUSED, RefusedPool
from foreverus.sessions.views import public_session
from foreverus.spending.usage import MOST_GROUPS
from foreverus.spending.views import public_report
from foreverus.worker.relaying import RelayedAnswer
from tests.unit.conftest import NOW, launch_item, session_record

KB, MB = 1024, 1024 * 1024
SOURCE = Path(__file__).parents[2] / "src"
# What a character costs most: in UTF-8, in JSON, in JSON within JSON.
CHARACTERS = ["\U0001f600", "\u0001", '"', "─"]
ID = "0" * 28
MESSAGE = MessageRef("msg_" + ID, "conv_" + ID, "ana")
QUESTION = Question(
    message_id=MESSAGE.message_id,
    conversation_id=MESSAGE.conversation_id,
    user_id="ana",
    content="?",
    created_at="2026-01-01T00:00:00.000Z",
)
ENDLESS = 2_000_000  # characters: more than any engine of ours writes


def largest(make: Callable[[str], Any], size: Callable[[Any], int]) -> int:
    return max(size(make(character)) for character in CHARACTERS)


def item_bytes(value: object) -> int:
    """Of an item as DynamoDB counts it: names and UTF-8; numbers and structure, generously."""
    if isinstance(value, dict):
        return 3 + sum(len(name.encode()) + 1 + item_bytes(one) for name, one in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 3 + sum(1 + item_bytes(one) for one in value)
    return len(value.encode()) if isinstance(value, str) else 21


def wire(body: Body) -> int:
    """Of Lambda's answer, whichever way its characters are escaped."""
    response = json_response(200, body)
    return max(len(json.dumps(response, ensure_ascii=escape).encode()) for escape in (True, False))


class Sent:
    """A client that keeps what it is asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def __getattr__(self, _: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self.requests.append(request)
            return {"Attributes": {}}

        return call

    @property
    def largest(self) -> int:
        return max(len(json.dumps(one, ensure_ascii=False).encode()) for one in self.requests)


def answer(character: str = "x") -> Answer:
    return FinishedAnswer(character * ENDLESS, 1, 1, "stop").record(MESSAGE, "ses_" + ID, NOW)


def question(character: str = "x") -> Question:
    """The longest that is accepted (tests/unit/conversations/test_service.py has one more)."""
    content = character * (MOST_QUESTION_BYTES // len(character.encode()))
    schemas.check("message_create", {"content": content[:-1] + "."})
    return replace(QUESTION, content=content)


def conversation(character: str = "x") -> Conversation:
    asked = {"title": character * 199 + ".", "system": character * 3999 + "."}
    schemas.check("conversation_create", asked)
    at = QUESTION.created_at
    of_ana = {"conversation_id": MESSAGE.conversation_id, "user_id": "ana", "created_at": at, "updated_at": at}
    return Conversation(**of_ana, **asked)


def library_prompt(character: str = "x") -> LibraryPrompt:
    asked = {"name": character * 79 + ".", "text": character * 3999 + "."}
    schemas.check("prompt_create", asked)
    at = QUESTION.created_at
    return LibraryPrompt(prompt_id="prompt_" + ID, user_id="ana", created_at=at, updated_at=at, **asked)


def memories(character: str = "x") -> list[Memory]:
    """As many as a person can have."""
    asked = {"text": character * 299 + ".", "conversation_id": MESSAGE.conversation_id}
    schemas.check("memory_create", asked)
    at = {"created_at": QUESTION.created_at, "updated_at": QUESTION.created_at}
    return [Memory(memory_id=f"memory_{n:028}", **asked, **at) for n in range(MOST_MEMORIES)]


def batch(character: str = "x") -> Batch:
    """With the most metadata, and the errors of a file in which everything is wrong, with the longest names."""
    metadata = {f"{n:02}" + character * 61 + ".": character * 512 for n in range(15)}
    request = {"input_file_id": "s3://b/inputs/" + "x" * 1086, "endpoint": CHAT, "completion_window": "168h"}
    schemas.check("batch_create", {**request, "metadata": metadata})
    made = new_batch("batch_" + ID, "ana", {**request, "metadata": metadata}, NOW)
    lines = [{"custom_id": character * 5000, character * 9000: 1, "body": {character * 9000: 1}} for _ in range(150)]
    report = validate(split(json.dumps(line).encode() + b"\n" for line in lines), CHAT, "mistral-7b")
    assert len(report.errors) == 100
    choice = {f"number_{n}": 1.23456789 for n in range(40)}
    sessions = frozenset(f"ses_{n:028x}" for n in range(300))
    return replace(made, errors=tuple(report.errors), errors_total=450, choice=choice, sessions=sessions)


def batch_item(character: str) -> Values:
    one = batch(character)
    return {**batch_items.batch_to_item(one), "errors": batch_items.errors_to_item(one.errors), "s": one.sessions}


def line_item(character: str) -> Values:
    custom_id = character * 255 + "."
    whole = Completion(character * ENDLESS, "stop", 1, 1)
    line = Line(1, custom_id, CHAT, prompt=None)  # type: ignore[arg-type]
    return batch_items.result_to_item(answered(line, whole, "ses_" + ID, NOW))


def session(character: str = "x") -> Session:
    launches = [launch_item() for _ in range(20)]
    phases = [{"name": "loading", "at": QUESTION.created_at, "attempt": n} for n in range(100)]
    refused = [
        asdict(RefusedPool("g6e.24xlarge", "us-east-1-bue-1a", "C" * 60, "on-demand", QUESTION.created_at, "E" * 30))
    ]
    end = {"error": "E", "cause": character * CAUSE_LIMIT, "refused": refused * MOST_REFUSED}
    return session_record("ses_" + ID, launches=launches, phases=phases, **end)


def session_frame(character: str) -> int:
    push = MemoryPush()
    push.subscribe(keys.session_topic("ses_" + ID), "c")
    changes.publish([session(character)], push)
    (frame,) = push.frames["c"]
    return len(json.dumps(frame).encode())


def finish(character: str) -> int:
    sent = Sent()
    finished = FinishedAnswer(character * ENDLESS, error=AnswerError("x", "y" * 1000))
    DynamoAnswers(Table(sent, "t")).finish(MESSAGE, finished, "ses_" + ID, NOW)
    return sent.largest


def queued() -> int:
    sent = Sent()
    ChatQueue(sent, "url").send(QUESTION)
    ChatQueue(sent, "url").send_request(RequestRef("req_" + ID, "ana", "line_" + ID))
    ShardQueue(sent, "url").send([{"batch_id": "batch_" + ID, "user_id": "ana", "shard": 49_999}] * 10)
    return sent.largest


def relayed(character: str) -> list[int]:
    """Bytes of each frame of an answer whose engine gives it all at once."""

    async def frames() -> list[int]:
        ref = RequestRef("req_" + ID, "u" * 128, "line_" + ID)
        live = RelayedAnswer(ref, "ses_" + ID, MemoryPush(), asyncio.to_thread, PostLimit())
        arguments = (ToolCallPiece(0, "call", "name", character * 300_000),)
        live.add(Delta(character * 300_000, arguments, {"content": [{"token": "x" * 100}] * 500}))
        found, sent = [], 0
        while sent < len(live.deltas):
            frame, sent = live._frame(sent)
            found.append(len(frame))
        return found

    return asyncio.run(frames())


def reported(character: str) -> int:
    sent = Sent()
    StepFunctionsTasks(sent).fail("t", "EngineFailed", character * ENDLESS)
    return len(sent.requests[0]["cause"])


def rows_request(character: str) -> int:
    """Of the largest request to the Data API."""
    rows = [row for _ in range(3) for row in message_rows(question(character), answer(character))]
    made = ([{name: str(value) for name, value in row.items()} for row in chunk] for chunk in chunks(rows))
    return max(len(json.dumps(chunk)) for chunk in made)


def listed(show: Callable[[Any], Body], make: Callable[[str], Any], count: int) -> int:
    """Of the largest answer with a page of them."""
    return max(wire(Listing([make(one)] * count, has_more=True).openai_body(show)) for one in CHARACTERS)


def file_of(character: str) -> Any:
    return new_file("file_" + ID, "ana", character * MOST_FILENAME_CHARACTERS, 1, NOW)


def usage_answer() -> int:
    """The team's groups and one's own, each as long as its numbers can be."""
    numbers = Sum(messages=10**9, prompt_tokens=10**12, completion_tokens=10**12, usd=Decimal("123456.123456789"))
    bedrock, always_on = TokenPrice(0.15, 0.2, ""), Price(9.87, "")
    at = Elsewhere(gpu_usd_per_hour=1.23456, gpu_tokens_per_second=99.9, bedrock=bedrock, always_on=always_on)
    priced = numbers.priced(at, 9_600.123)
    names = {GroupBy.DAY: "2026-01-01", GroupBy.BACKEND: "bedrock", GroupBy.PERSON: "u" * 36, GroupBy.KIND: "batch"}
    day = NOW.date()
    return 2 * wire(public_report(Report(day, day, NOW, priced, [Group(names, priced)] * MOST_GROUPS)))


class Bound(NamedTuple):
    name: str
    most: int
    held_by: str  # where the code is
    largest: Callable[[], int]


BOUNDS = [
    # API Gateway's WebSockets: 128 KB a message. What comes in is cut off by API Gateway itself, in frames of 32 KB.
    Bound("frame: a piece of an answer", 128 * KB, "aws.push:MAX_DELTA_CODE_POINTS", lambda: largest(
        lambda c: delta_frame("conv_" + ID, "msg_" + ID, 10**6, c * MAX_DELTA_CODE_POINTS), len)),
    Bound("frame: a final answer", 128 * KB, "conversations.frames:message_frame", lambda: largest(
        lambda c: message_frame(QUESTION, answer(c)), len)),
    Bound("frame: a conversation", 128 * KB, "conversations.frames:conversation_frame", lambda: largest(
        lambda c: conversation_frame(public_conversation(conversation(c), 30)), len)),
    Bound("frame: a session", 128 * KB, "sessions.closing:CAUSE_LIMIT", lambda: largest(session_frame, int)),
    Bound("frame: pieces of an answer to a program", 128 * KB, "relay.codec:MOST_FRAME_BYTES", lambda: largest(
        relayed, max)),
    # DynamoDB: 400 KB an item, 4 MB a transaction, 16 MB a BatchWriteItem; keys of 2,048 and 1,024.
    Bound("item: a question", 400 * KB, "conversations.sizes:MOST_QUESTION_BYTES", lambda: largest(
        lambda c: question_to_item(question(c)), item_bytes)),
    Bound("item: an answer", 400 * KB, "backends.port:MOST_ANSWER_BYTES", lambda: largest(
        lambda c: answer(c).content, item_bytes) + 2000),
    Bound("item: a conversation", 400 * KB, "api.schemas:check", lambda: largest(
        lambda c: conversation_to_item(conversation(c)), item_bytes)),
    Bound("item: a prompt of a library", 400 * KB, "api.schemas:check", lambda: largest(
        lambda c: prompt_to_item(library_prompt(c)), item_bytes)),
    Bound("item: all that is remembered", 100 * KB, "conversations.remembered.records:MOST_MEMORIES", lambda: largest(
        lambda c: {one.memory_id: memory_to_item(one) for one in memories(c)}, item_bytes)),
    Bound("item: a batch", 400 * KB, "api.violations:MOST_PARAM_CHARACTERS", lambda: largest(batch_item, item_bytes)),
    Bound("item: a batch's line", 400 * KB, "backends.port:MOST_ANSWER_BYTES", lambda: largest(line_item, item_bytes)),
    Bound("item: a file", 400 * KB, "files.records:MOST_FILENAME_CHARACTERS", lambda: largest(
        lambda c: to_item(file_of(c)), item_bytes)),
    Bound("item: a program's request", 400 * KB, "relay.codec:MOST_KEPT_BYTES", lambda: MOST_KEPT_BYTES + 1000),
    Bound("item: a program's answer", 400 * KB, "relay.codec:MOST_KEPT_BYTES", lambda: largest(
        lambda c: packed_deltas([Delta(c * ENDLESS)]) or b"x", len) + 1000),
    Bound("item: a connection", 400 * KB, "live.connections:MOST_TOPICS", lambda: item_bytes(
        [keys.conversation_topic("conv_" + ID)] * MOST_TOPICS) + 2000),
    Bound("transaction: the end of an answer", 4 * MB, "backends.port:MOST_ANSWER_BYTES", lambda: largest(finish, int)),
    Bound("BatchWriteItem", 16 * MB, "aws.dynamo:MOST_WRITES", lambda: MOST_WRITES * 400 * KB),
    Bound("sort key", 1024, "api.requests:MOST_BYTES", lambda: max(len(key.encode()) for key in [
        keys.conversation_key("u", "x" * MOST_BYTES)["sk"], keys.file_key("u", "x" * MOST_BYTES)["sk"],
        keys.batch_key("u", "x" * MOST_BYTES)["sk"], keys.question_key("c", "x" * 100)["sk"]])),
    Bound("partition key", 2048, "api.requests:MOST_BYTES", lambda: len(keys.messages_partition("x" * MOST_BYTES))),
    # S3: 1,024 a key.
    Bound("object key", 1024, "api.requests:MOST_BYTES", lambda: max(
        MOST_BYTES, len(object_key("u" * 128, "file_" + ID + "output")))),
    # SNS and SQS: 256 KB; Step Functions: 256 KB a payload (bytes), 32,768 characters a cause, 25,000 events a history,
    # which tests/statemachines/test_batch_graph.py counts.
    Bound("SNS message", 256 * KB, "notifications.notification:MESSAGE_BYTES", lambda: largest(
        lambda c: Notification(c * ENDLESS, c * ENDLESS), lambda one: len((one.subject + one.message).encode()))),
    Bound("SQS message", 256 * KB, "aws.sqs:ChatQueue", queued),
    Bound("payload: a session's end", 256 * KB, "sessions.closing:CAUSE_LIMIT", lambda: largest(
        lambda c: asdict(session_notification(session(c))), lambda one: len(json.dumps(one)))),
    Bound("payload: a batch's end", 256 * KB, "api.violations:MOST_PARAM_CHARACTERS", lambda: largest(
        lambda c: asdict(batch_notification(replace(batch(c), ended_at=QUESTION.created_at))),
        lambda one: len(json.dumps(one)))),
    Bound("cause of a task", 32_768, "aws.step_functions:StepFunctionsTasks", lambda: largest(reported, int)),
    # Lambda: 6 MB an answer, in which the body is a text within JSON.
    Bound("answer: messages", 6 * MB, "api.listing:fitting", lambda: listed(
        lambda c: public_answer(QUESTION, c), answer, 100)),
    Bound("answer: questions", 6 * MB, "api.listing:fitting", lambda: listed(public_question, question, 100)),
    Bound("answer: conversations", 6 * MB, "api.listing:fitting", lambda: listed(
        public_conversation, conversation, 100)),
    Bound("answer: a library of prompts", 6 * MB, "api.listing:fitting", lambda: listed(
        public_prompt, library_prompt, MOST_PROMPTS)),
    Bound("answer: batches", 6 * MB, "api.listing:fitting", lambda: listed(
        lambda one: public_batch(one, [], None, NOW), batch, 100)),
    Bound("answer: usage", 6 * MB, "spending.usage:MOST_GROUPS", usage_answer),
    Bound("answer: files", 6 * MB, "api.listing:fitting", lambda: listed(public_file, file_of, 1000)),
    Bound("answer: sessions", 6 * MB, "api.listing:fitting", lambda: listed(public_session, session, 100)),
    Bound("answer: an accepted message", 6 * MB, "conversations.sizes:MOST_QUESTION_BYTES", lambda: largest(
        lambda c: {"message": public_question(question(c)), "session": public_session(session(c))}, wire)),
    # The Data API: 4 MiB a request, 1 MiB an answer (we ask for no text).
    Bound("rows", 4 * MB, "results.rows:CHUNK_BYTES", lambda: largest(rows_request, int)),
]  # fmt: skip


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.name)
def test_the_largest_permitted_input_fits(bound: Bound) -> None:
    module, _, name = bound.held_by.partition(":")
    assert hasattr(importlib.import_module(f"foreverus.{module}"), name)
    assert 0 < bound.largest() <= bound.most


def test_lists_leave_lambda_room_beside_their_entries() -> None:
    assert MAX_LIST_BYTES + 900 * KB < 6 * MB


@given(st.lists(st.integers(1, 3_000_000), max_size=12), st.booleans())
def test_a_page_that_is_cut_says_so_and_skips_nothing(sizes: list[int], has_more: bool) -> None:
    shown = [{"id": str(n), "text": "x" * size} for n, size in enumerate(sizes)]
    whole: list[Body] = []
    after, more = 0, True
    while more and after < len(shown):
        body = Listing(shown[after:], has_more).openai_body(dict)
        got: Any = body["data"]
        assert got and wire(body) < 6 * MB
        whole += got
        after += len(got)
        more = bool(body["has_more"])
    assert (whole, more) == (shown, has_more) if shown else more


def test_what_has_no_bound_of_ours_is_not_used() -> None:
    """EventBridge's events carry a session's or a batch's id; nothing is put there, and a Lambda that is called
    unheard is told whose conversation it is at most."""
    for path in _modules():
        source = path.read_text(encoding="utf-8")
        assert "put_events" not in source, path
        assert source.count("InvocationType=") == source.count('InvocationType="Event", Payload=told)'), path


def test_nothing_that_people_wrote_is_read_from_postgresql() -> None:
    """So no answer of the Data API can be larger than its 1 MB. A search reads at most 101 ids, and the stems of the at
    most 200 characters that it was asked for; a question's passages are few, and each is short."""
    assert 4 * MOST_FOUND * CHUNK_CHARACTERS < 100_000, "bytes"
    bounded = (
        "SELECT 1",
        "SELECT count(*)",
        "SELECT set_config(",
        "SELECT conversation_id, message_id, stems FROM search",
        "SELECT document_id, number, content, page",  # MOST_FOUND passages
    )
    for path in _modules():
        for line in path.read_text(encoding="utf-8").splitlines():
            if '"SELECT ' in line:
                assert any(one in line for one in bounded), line


def _modules() -> Iterator[Path]:
    return (path for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_whole_answer_is_cut_between_characters_and_says_so(character: str) -> None:
    for text, reason in (
        ((whole := Completion(character * ENDLESS, "stop", 1, 1)).text, whole.finish_reason),
        ((finished := FinishedAnswer(character * ENDLESS, finish_reason="stop")).content, finished.finish_reason),
    ):
        assert reason == "length"
        assert set(text) == {character}
        assert MOST_ANSWER_BYTES - 4 < len(text.encode()) <= MOST_ANSWER_BYTES
    fits = character * (MOST_ANSWER_BYTES // len(character.encode()))
    assert Completion(fits, "stop", 1, 1) == Completion(fits, "stop", 1, 1)
    assert (Completion(fits, "stop", 1, 1).text, Completion(fits, "stop", 1, 1).finish_reason) == (fits, "stop")
