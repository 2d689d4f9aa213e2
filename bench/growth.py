"""What grows with what people have kept: a long conversation, many sessions, many conversations.

The API's own handler and the worker's own read, in this process, over boto3 and a table in memory. Processor time, a
larger table's against a smaller one's in the same run: about 1 where nothing grows. The table's part is left out.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3

from bench.cold_start import environment
from bench.figures import Figure, figure, ratios
from bench.memory_table import MemoryTable, tables
from bench.processor import Stopwatch
from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.prompt import Thread, build_prompt, most_history_bytes
from foreverus.conversations.records import MessageRef

EVENTS = Path(__file__).resolve().parents[1] / "events" / "api"
USER = "user-1"
AT = "2026-01-01T00:00:00.000Z"
MESSAGES = (200, 2_000)  # questions and answers
SESSIONS = (100, 1_000)
CONVERSATIONS = (100, 10_000)
CONTEXT = 4096
SAMPLES = 5
MOST = 1.5

Work = Callable[[], Any]


def measure(samples: int = SAMPLES) -> Iterator[Figure]:
    """`samples`: pairs of each figure."""
    table = MemoryTable()
    for size in MESSAGES:
        put_conversation(table, size)
    for size in CONVERSATIONS:
        put_conversations(table, size)
    with tables(environment(), table):
        yield from messages(table, samples)
        yield from listings(table, samples)


def messages(table: MemoryTable, samples: int) -> Iterator[Figure]:
    small, large = MESSAGES
    answers = DynamoAnswers(Table(boto3.client("dynamodb"), "0"))

    def read(size: int) -> Thread:
        last = MessageRef(message_id=message_id(size // 2), conversation_id=f"conv_{size}", user_id=USER)
        return answers.thread(last, most_history_bytes(CONTEXT))

    works: dict[str, tuple[str, Callable[[int], Work], float]] = {
        "get_messages": ("GET messages, for each message", lambda size: lambda: listed(size), large / small),
        "thread": ("the worker's read of a thread", lambda size: lambda: read(size), 1.0),
        "prompt": ("a new message's prompt", lambda size: prompt(read(size)), 1.0),
    }
    for name, (what, work, items) in works.items():
        found = grown(table, work(small), work(large), samples, items)
        yield figure(f"growth_{name}", found, MOST, what=f"{what}: {large:,} kept / {small:,}", unit="x")


def prompt(thread: Thread) -> Work:
    return lambda: build_prompt("Be brief.", thread, CONTEXT)


def listings(table: MemoryTable, samples: int) -> Iterator[Figure]:
    small, large = (first_listing("conversations", f"{USER}-of-{size}") for size in CONVERSATIONS)
    yield from first_and_20th("conversations", CONVERSATIONS, grown(table, small, large, samples), table, samples)
    # Everybody's sessions lie in one partition: the table has to grow in between.
    put_sessions(table, SESSIONS[0])
    listing = first_listing("sessions", USER)
    repeats = enough(listing)
    smaller = [cpu_of(table, listing, repeats) for _ in range(samples)]
    put_sessions(table, SESSIONS[1])
    found = ratios([cpu_of(table, listing, repeats) for _ in range(samples)], smaller)
    yield from first_and_20th("sessions", SESSIONS, found, table, samples)


def first_and_20th(
    what: str, sizes: tuple[int, int], first: list[float], table: MemoryTable, samples: int
) -> Iterator[Figure]:
    small, large = sizes
    many = f"GET /{what}, the first listing: {large:,} kept / {small:,}"
    yield figure(f"growth_{what}_first", first, MOST, what=many, unit="x")
    user = f"{USER}-of-{large}" if what == "conversations" else USER
    found = grown(table, first_listing(what, user), listing_number(20, what, user), samples)
    many = f"GET /{what} of {large:,}, the 20th listing / the first"
    yield figure(f"growth_{what}_20th", found, MOST, what=many, unit="x")


def grown(table: MemoryTable, small: Work, large: Work, samples: int, items: float = 1.0) -> list[float]:
    """Ratios of processor time, pairs in turn. `items`: how many times as much the larger one shows."""
    smaller: list[float] = []
    larger: list[float] = []
    repeats = enough(small)
    for _ in range(samples):
        smaller.append(cpu_of(table, small, repeats))
        larger.append(cpu_of(table, large, max(1, round(repeats / items))))
    return [ratio / items for ratio in ratios(larger, smaller)]


def enough(work: Work) -> int:
    """So many times that they take a fifth of a second; the first one warms up."""
    work()
    watch = Stopwatch()
    work()
    return max(1, round(0.2 / max(watch.read().cpu_s, 1e-5)))


def cpu_of(table: MemoryTable, work: Work, repeats: int) -> float:
    """Seconds for one time."""
    before, watch = table.cpu_s, Stopwatch()
    for _ in range(repeats):
        work()
    return (watch.read().cpu_s - (table.cpu_s - before)) / repeats


def asked(resource: str, user: str = USER, query: Mapping[str, str] | None = None, **path: str) -> dict[str, Any]:
    """What the API's handler answers to a GET."""
    event = json.loads((EVENTS / "good_list_messages.json").read_text())
    event |= {"resource": resource, "pathParameters": path, "queryStringParameters": query and dict(query)}
    event["requestContext"]["authorizer"]["user_id"] = user
    answer = importlib.import_module("foreverus.handlers.api").handler(event, None)
    if answer["statusCode"] != 200:
        raise RuntimeError(f"GET {resource}: {answer}")
    return dict(json.loads(answer["body"]))


def listed(size: int) -> None:
    shown, after = 0, ""
    while True:
        query = {"after": after} if after else None
        page = asked("/conversations/{conversation_id}/messages", query=query, conversation_id=f"conv_{size}")
        shown += len(page["data"])
        if not page["has_more"]:
            break
        after = page["data"][-1]["id"]
    if shown != size:
        raise RuntimeError(f"{shown} messages of {size}")


def first_listing(what: str, user: str) -> Work:
    return lambda: asked(f"/{what}", user)


def listing_number(number: int, what: str, user: str) -> Work:
    """Alone: those before it are walked through once, to know where it begins."""
    after = ""
    for _ in range(number - 1):
        after = asked(f"/{what}", user, {"after": after} if after else None)["data"][-1]["id"]
    return lambda: asked(f"/{what}", user, {"after": after})


def message_id(number: int) -> str:
    return f"msg_{number:020d}"


def put_conversation(table: MemoryTable, size: int) -> None:
    """As many messages, half of them questions."""
    conversation_id = f"conv_{size}"
    put_one(table, USER, conversation_id)
    for number in range(1, size // 2 + 1):
        same = {"message_id": message_id(number), "conversation_id": conversation_id, "created_at": AT}
        question = {"user_id": USER, "role": "user", "content": f"{number}: what is the sea? " * 5, "options": {}}
        table.put({**keys.question_key(conversation_id, message_id(number)), **same, **question})
        answer = {"content": f"{number}: water, and more. " * 20, "status": "answered", "answered_at": AT}
        usage = {"usage": {"prompt_tokens": 40, "completion_tokens": 60}, "session_id": "ses_1"}
        if number < size // 2:  # the last one is asked now
            table.put({**keys.answer_key(conversation_id, message_id(number)), **same, **answer, **usage})


def put_conversations(table: MemoryTable, count: int) -> None:
    for number in range(count):
        put_one(table, f"{USER}-of-{count}", f"conv_{number:028d}")


def put_one(table: MemoryTable, user: str, conversation_id: str) -> None:
    said = {"conversation_id": conversation_id, "user_id": user, "title": "The sea", "system": "Be brief."}
    table.put({**keys.conversation_key(user, conversation_id), **said, "created_at": AT, "updated_at": AT})


def put_sessions(table: MemoryTable, count: int) -> None:
    """Until there are as many, the older ones first."""
    partition = table.partitions.get(keys.SESSIONS)
    for number in range(len(partition.keys) if partition else 0, count):
        at = f"2026-{1 + number // 28 // 24 % 12:02d}-{1 + number // 24 % 28:02d}T{number % 24:02d}:00:00.000Z"
        session_id = ids.new_id("ses", ids.parse_timestamp(at))
        launch = {"attempt": 0, "instance_id": "i-1", "instance_type": "g6.xlarge", "launched_at": at}
        table.put(
            {
                **keys.session_key(session_id),
                **{"session_id": session_id, "status": "ended", "version": 9, "trigger": "page", "owner": USER},
                **{"created_at": at, "launched_at": at, "healthy_at": at, "ended_at": at, "launches": [launch]},
            }
        )
