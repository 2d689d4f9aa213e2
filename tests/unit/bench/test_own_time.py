"""What is timed where it runs: all of it, once, and nothing else."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench import own_time
from bench.own_time import OwnTime, all_of


class Work:
    def outer(self) -> int:
        return self.inner()

    def inner(self) -> int:
        clock.pass_(2)
        return 7

    @contextmanager
    def around(self) -> Iterator[str]:
        clock.pass_(1)
        yield "within"
        clock.pass_(1)

    def fails(self) -> None:
        clock.pass_(3)
        raise LookupError

    def other(self) -> None:
        clock.pass_(100)


class Clock:
    now = 0.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds


clock = Clock()
NAMES = ("outer", "inner", "around", "fails")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> OwnTime:
    monkeypatch.setattr(own_time, "thread_time", lambda: clock.now)
    return OwnTime()


def test_a_call_within_a_call_is_counted_once(own: OwnTime) -> None:
    with all_of(own, [(Work, NAMES)]):
        assert Work().outer() == 7
        Work().inner()
        Work().other()
    assert own.seconds == 4


def test_a_context_is_counted_where_it_begins_and_ends_and_not_what_is_done_within(own: OwnTime) -> None:
    with all_of(own, [(Work, NAMES)]), Work().around() as given:
        assert given == "within"
        clock.pass_(50)
        Work().inner()
    assert own.seconds == 1 + 2 + 1


def test_what_fails_is_counted_too(own: OwnTime) -> None:
    with all_of(own, [(Work, NAMES)]), pytest.raises(LookupError):
        Work().fails()
    assert own.seconds == 3


def test_another_thread_is_not_counted_and_afterwards_nothing_is(own: OwnTime) -> None:
    before = {name: vars(Work)[name] for name in NAMES}
    with all_of(own, [(Work, NAMES)]):
        other = threading.Thread(target=Work().inner)
        other.start()
        other.join()
    assert {name: vars(Work)[name] for name in NAMES} == before
    Work().inner()
    assert own.seconds == 0


def test_the_clock_is_the_threads_own() -> None:
    own, begun = OwnTime(), time.process_time()
    with own.of(Work, ["other"]):
        Work().other()
    assert 0 <= own.seconds <= time.process_time() - begun
