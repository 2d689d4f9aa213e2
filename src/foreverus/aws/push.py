"""Frames to connections over the WebSocket API, and who subscribes to what.

A subscription counts for as long as the last look at its credentials does (live/connections.py): whoever pushes sends
nothing but ASK to those whose look is too old, so that who was shut out gets nothing more although the line is open.
"""

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from botocore.exceptions import ClientError, ReadTimeoutError

from foreverus.aws import socket_keys
from foreverus.aws.dynamo import Table

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 128 * 1024  # of a message: API Gateway takes no more
# A code point is at most 4 bytes of UTF-8, or 6 where JSON must escape it.
MAX_DELTA_CODE_POINTS = 16_000
# Of one frame, with no second try: what is lost is in the table.
CONNECT_S, READ_S = 1, 2
DEAF_S = 60.0  # who did not take a frame in that time is left out for so long
POSTS_AT_ONCE = 64  # threads, made when they are needed: one person's connections (20 by default) hold no others up
# How long the caller waits for those who take their time; they get their frame all the same, or are given up.
PATIENCE_S = 1.0
ASK = json.dumps({"type": "ping"}).encode()  # "send a ping": that has the credentials looked at again


class Deaf(Exception):
    """The connection did not take a frame in time."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`good_for_s`: so much longer its last look counts; with 0 or less it may have ASK and nothing else."""

    connection_id: str
    good_for_s: float

    @property
    def is_good(self) -> bool:
        return self.good_for_s > 0


class Push(Protocol):
    """The twin is `MemoryPush`."""

    def subscribers(self, topic: str) -> list[Subscriber]:
        """Who watches, but for those who were deaf a moment ago."""

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        """Sends one frame. False when the connection is gone; then it is no subscriber any more. Raises Deaf, and
        whatever else the call fails with."""


class WebSocketPush:
    """`client` is an `apigatewaymanagementapi` client of the API's callback URL with the limits above."""

    def __init__(self, client: Any, items: Table, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.client = client
        self.items = items
        self.clock = clock
        self._deaf: dict[str, float] = {}  # connection id → until when

    def subscribers(self, topic: str) -> list[Subscriber]:
        now = self.clock().timestamp()
        for one, until in list(self._deaf.items()):  # in place: other threads write to it meanwhile
            if until <= now:
                self._deaf.pop(one, None)
        found = self.items.query(socket_keys.subscribers_partition(topic))
        return [
            Subscriber(one["sk"], float(one.get("good_until", 0)) - now) for one in found if one["sk"] not in self._deaf
        ]

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        try:
            self.client.post_to_connection(ConnectionId=connection_id, Data=data)
        except ReadTimeoutError as err:
            self._deaf[connection_id] = self.clock().timestamp() + DEAF_S
            raise Deaf(f"{connection_id} took no frame in {READ_S} s") from err
        except ClientError as err:
            if err.response["Error"]["Code"] not in ("GoneException", "410"):
                raise
            self.items.delete(socket_keys.subscriber_key(topic, connection_id))
            return False
        return True

    def is_open(self, connection_id: str) -> bool:
        try:
            self.client.get_connection(ConnectionId=connection_id)
        except ClientError as err:
            if err.response["Error"]["Code"] not in ("GoneException", "410"):
                raise
            return False
        return True

    def close(self, connection_id: str) -> None:
        """Closes it; one that is gone is closed. Raises whatever else the call fails with."""
        try:
            self.client.delete_connection(ConnectionId=connection_id)
        except ClientError as err:
            if err.response["Error"]["Code"] not in ("GoneException", "410"):
                raise


class OpenSockets:
    """A person's WebSockets, found by who they are."""

    def __init__(self, push: WebSocketPush):
        self.push = push

    def close(self, user_id: str, key_id: str = "") -> int:
        """Closes all of a person's, or those that one key opened; returns how many. Never raises: what cannot be
        closed now gets nothing any more once its last look is over, 50 s at most."""
        closed = 0
        try:
            found = list(self.push.items.query(socket_keys.sockets_partition(user_id)))
            theirs = [str(one["sk"]) for one in found if not key_id or one.get("key_id") == key_id]
            closed = sum(at_once([(self._close, one) for one in theirs], patience_s=CONNECT_S + READ_S))
        except Exception:
            logger.warning("the WebSockets of %s could not be looked up", user_id, exc_info=True)
        return closed

    def _close(self, connection_id: str) -> bool:
        self.push.close(connection_id)
        return True


@dataclass(frozen=True, slots=True)
class Frame:
    """`data`: for everybody who watches `topic`."""

    topic: str
    data: bytes


def send_all(push: Push, frames: Iterable[Frame], patience_s: float | None = None) -> int:
    """Each frame to everybody who watches its topic, many at once; returns how many were taken in time (None:
    PATIENCE_S). Nobody waits for anybody: what fails is logged, who is slow is not waited for."""
    posts: list[tuple[Callable[..., bool], *tuple[Any, ...]]] = []
    for frame in frames:
        try:
            found = push.subscribers(frame.topic)
        except Exception:
            logger.warning("subscribers of %s", frame.topic, exc_info=True)
            continue
        posts += [(push.post, frame.topic, one.connection_id, frame.data) for one in found if one.is_good]
        posts += [(_ask, push, frame.topic, one.connection_id) for one in found if not one.is_good]
    return sum(at_once(posts, PATIENCE_S if patience_s is None else patience_s))


def _ask(push: Push, topic: str, connection_id: str) -> bool:
    push.post(topic, connection_id, ASK)
    return False


def at_once(calls: Sequence[tuple[Callable[..., bool], *tuple[Any, ...]]], patience_s: float) -> list[bool]:
    """What the calls returned that were done in time and did not fail. Those that are not done go on by themselves."""
    if not calls:
        return []
    pool = _threads()
    waiting = [pool.submit(_logged, *call) for call in calls]
    done, _ = wait(waiting, patience_s)
    return [one.result() for one in waiting if one in done]


def _logged(call: Callable[..., bool], *arguments: Any) -> bool:
    try:
        return call(*arguments)
    except Exception as err:
        logger.warning("a connection was passed over: %r", err)
        return False


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POSTS_AT_ONCE, thread_name_prefix="push")


class MemoryPush:
    """Twin of `WebSocketPush`: keeps the frames of each connection, and can show what a client would have read."""

    def __init__(self) -> None:
        self.topics: dict[str, set[str]] = {}
        self.frames: dict[str, list[Any]] = {}
        self.gone: set[str] = set()
        self.stale: set[str] = set()  # whose last look is too old
        self.closed: list[str] = []
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next post raises `error` and delivers nothing."""
        self._failures.append(error)

    def subscribe(self, topic: str, connection_id: str) -> None:
        self.topics.setdefault(topic, set()).add(connection_id)
        self.frames.setdefault(connection_id, [])

    def subscribers(self, topic: str) -> list[Subscriber]:
        found = sorted(self.topics.get(topic, ()))
        return [Subscriber(one, 0.0 if one in self.stale else 50.0) for one in found]

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        if self._failures:
            raise self._failures.popleft()
        if connection_id in self.gone:
            self.topics[topic].discard(connection_id)
            return False
        self.frames[connection_id].append(json.loads(data))
        return True

    def is_open(self, connection_id: str) -> bool:
        return connection_id not in self.gone

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)

    def text_of(self, connection_id: str) -> str:
        """The deltas put together as a client does; raises ValueError on a gap."""
        text = ""
        for frame in self.frames[connection_id]:
            if frame["type"] == "delta":
                if frame["offset"] > len(text):
                    raise ValueError(f"gap at {len(text)}: {frame}")
                text += frame["text"][len(text) - frame["offset"] :]
        return text
