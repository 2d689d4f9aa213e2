"""The line of what happens: opened anew when it breaks, kept by pings; on a clock that the test sets."""

import itertools
from typing import Any

import pytest

from foreverus.cli.failures import Refused, Unreachable
from foreverus.cli.line import PING_S, PONG_S, STALE_S, LiveLine
from foreverus.cli.socket import Frame, SocketDown

TOPIC = {"conversation_id": "conv_1"}


class FakeSocket:
    """Gives the frames that a test puts into it; None: nothing comes just then; an exception: it breaks."""

    def __init__(self, *frames: Frame | Exception | None):
        self.frames, self.sent, self.closed = list(frames), [], False
        self.breaks_on_send = False

    def send(self, frame: Frame) -> None:
        if self.breaks_on_send:
            raise SocketDown("gone")
        self.sent.append(dict(frame))

    def receive(self, wait_s: float) -> Frame | None:
        one = self.frames.pop(0) if self.frames else None
        if isinstance(one, Exception):
            raise one
        return one

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, *opened: FakeSocket | Exception):
        self.now, self.said, self.slept = 1000.0, [], []  # type: ignore[var-annotated]
        self.to_open, self.opens = list(opened), 0
        self.line = LiveLine(self.open, lambda: self.now, self.sleep, self.said.append)
        self.line.topics(TOPIC)

    def open(self) -> FakeSocket:
        self.opens += 1
        one = self.to_open.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def subscribe(**topic: str) -> dict[str, Any]:
    return {"action": "subscribe", **topic}


def test_it_subscribes_each_time_it_is_opened() -> None:
    first, second = FakeSocket({"type": "subscribed"}, SocketDown("reset")), FakeSocket({"type": "subscribed"})
    bench = Bench(first, second)
    assert bench.line.next(0.25) == {"type": "subscribed"}
    assert bench.line.next(0.25) is None and not bench.line.is_up
    while bench.opens < 2:
        assert bench.line.next(0.25) in (None, {"type": "subscribed"})
    assert first.sent == second.sent == [subscribe(**TOPIC)]
    assert first.closed and bench.said == []


def test_what_stays_away_is_said_once_and_tried_less_and_less_often() -> None:
    bench = Bench(*[SocketDown("no"), Unreachable("503"), Refused(404, "no tickets")] * 4)
    times: list[float] = []
    while bench.opens < 9:
        before = bench.opens
        bench.line.next(0.25)
        times += [bench.now] if bench.opens > before else []
    gaps = [round(later - earlier, 2) for earlier, later in itertools.pairwise(times)]
    assert gaps == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert len(bench.said) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_good_any_more_is_no_broken_line(status: int) -> None:
    bench = Bench(Refused(status, "wrong"))
    with pytest.raises(Refused):
        bench.line.next(0.25)


def test_it_pings_before_the_look_at_its_credentials_is_over() -> None:
    socket = FakeSocket()
    bench = Bench(socket)
    bench.line.next(0.25)
    bench.now += PING_S
    bench.line.next(0.25)
    assert socket.sent[1:] == []
    bench.now += 0.1
    bench.line.next(0.25)
    bench.line.next(0.25)
    assert socket.sent[1:] == [{"action": "ping"}]
    socket.frames = [{"type": "pong"}]
    assert bench.line.next(0.25) == {"type": "pong"}
    bench.now += PING_S
    bench.line.next(0.25)
    assert len(socket.sent) == 2 and bench.line.is_up


def test_a_ping_of_the_server_is_answered() -> None:
    socket = FakeSocket({"type": "ping"})
    bench = Bench(socket)
    bench.line.next(0.25)
    assert socket.sent[1:] == [{"action": "ping"}]


def test_a_line_that_answers_no_ping_is_none() -> None:
    """A laptop that was asleep, a router that forgot: nothing breaks, and nothing comes any more."""
    silent, second = FakeSocket({"type": "ping"}), FakeSocket()
    bench = Bench(silent, second)
    bench.line.next(0.25)
    bench.now += PONG_S + 0.1
    bench.line.next(0.25)
    assert silent.closed
    bench.now += 60
    bench.line.next(0.25)
    assert bench.opens == 2 and bench.line.is_up


def test_credentials_that_ended_are_asked_for_anew() -> None:
    ended = {"type": "error", "error": {"code": "credential_ended"}}
    bench = Bench(FakeSocket(ended), FakeSocket({"type": "subscribed"}))
    assert bench.line.next(0.25) == ended and not bench.line.is_up
    bench.now += 1
    assert bench.line.next(0.25) == {"type": "subscribed"}


def test_another_topic_is_subscribed_to_on_the_open_line() -> None:
    socket = FakeSocket()
    bench = Bench(socket)
    bench.line.next(0.25)
    bench.line.topics(TOPIC, {"session_id": "ses_1"})
    assert socket.sent == [subscribe(**TOPIC), subscribe(session_id="ses_1")]
    bench.line.topics(TOPIC)
    assert len(socket.sent) == 2


def test_what_rested_too_long_is_opened_anew() -> None:
    first, second = FakeSocket(), FakeSocket()
    bench = Bench(first, second)
    bench.line.next(0.25)
    bench.now += STALE_S + 0.1
    bench.line.topics(TOPIC)
    bench.line.next(0.25)
    assert first.closed and second.sent == [subscribe(**TOPIC)]


def test_a_line_that_breaks_while_something_is_said_is_opened_anew() -> None:
    first, second = FakeSocket(), FakeSocket()
    bench = Bench(first, second)
    bench.line.next(0.25)
    first.breaks_on_send = True
    bench.line.topics(TOPIC, {"session_id": "ses_1"})
    bench.now += 1
    bench.line.next(0.25)
    assert second.sent == [subscribe(**TOPIC), subscribe(session_id="ses_1")]
