"""Requests of OpenAI's API: counted exactly for person and key together, in the table and in its twin."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import openai
import pytest
from openai import OpenAI

from foreverus.aws.dynamo import Table
from foreverus.aws.keys import person_count_key
from foreverus.aws.read_ahead import BatchTable
from foreverus.errors import LimitReached
from foreverus.limits.records import CountChange, Kind
from foreverus.limits.request_rules import RequestCaps
from foreverus.limits.requests import Admission, RequestLimits
from foreverus.limits.store import EVERYBODY as EVERYBODY_ID
from foreverus.limits.store import CountStore
from tests.unit.conftest import NOW, Aws, Clock
from tests.unit.limits.test_person import World, world  # noqa: F401  # a fixture
from tests.unit.openai_api.world import MANY, MODEL, Paused
from tests.unit.openai_api.world import World as WebWorld

PERSON = RequestCaps(whose="one person", per_minute=5, at_once=3, tokens_per_day=1000)
KEY = RequestCaps(whose="one API key", per_minute=4, at_once=2, tokens_per_day=100)

EVERYBODY = RequestCaps(whose="this deployment", at_once=6)


def limits_of(world: World, clock: Clock) -> RequestLimits:  # noqa: F811
    return RequestLimits(world.counts, PERSON, KEY, EVERYBODY, clock)


def entered(limits: RequestLimits, key_id: str = "key-1", count: int = 1, first: int = 0) -> list[Admission]:
    return [limits.enter("user-1", key_id, f"req_{key_id}_{first + at}") for at in range(count)]


def refused(limits: RequestLimits, key_id: str = "key-1") -> LimitReached:
    with pytest.raises(LimitReached) as caught:
        limits.enter("user-1", key_id, "req_more")
    return caught.value


def test_at_once_of_a_key_and_of_its_person(world: World) -> None:  # noqa: F811
    limits = limits_of(world, Clock())
    first, _ = entered(limits, count=2)
    assert (refused(limits).reason, refused(limits).retry_after_s) == ("too_many_at_once", 2)
    (other,) = entered(limits, "key-2")
    assert "one person" in refused(limits, "key-2").message, "three answers of the same person are being written"
    limits.leave(first, 0)
    limits.leave(first, 0)  # twice is once
    entered(limits, "key-2", first=1)
    limits.leave(other, 0)


def test_where_there_is_no_bound_nobody_waits_for_an_item_that_all_change(world: World) -> None:  # noqa: F811
    limits = replace(limits_of(world, Clock()), everybody=None)
    admitted = [limits.enter(f"user-{who}", "", f"req_{who}") for who in range(7)]
    assert world.counts.read(EVERYBODY_ID, Kind.REQUESTS).version == 0, "it was never made"
    for one in admitted:
        limits.leave(one, 0)
    assert not any(world.counts.read(one.user_id, Kind.REQUESTS).held for one in admitted)


def test_people_together_leave_room_for_the_account_s_other_functions(world: World) -> None:  # noqa: F811
    """Three people with three streams each are within their own limits, and would fill a new account."""
    limits = limits_of(world, Clock())
    written = [limits.enter(f"user-{who}", f"key-{at}", f"req_{who}_{at}") for who in range(2) for at in range(3)]
    with pytest.raises(LimitReached) as caught:
        limits.enter("user-2", "key-0", "req_more")
    assert (caught.value.reason, caught.value.retry_after_s) == ("too_many_at_once", 2)
    assert caught.value.message.startswith("6 answers are being written; this deployment may have 6 at once.")
    assert caught.value.headers["x-ratelimit-remaining-requests"] == "4", "their own minute is whole"
    assert not world.counts.read("user-2", Kind.REQUESTS).held, "nothing is counted of who is refused"
    limits.leave(written[0], 0)
    limits.leave(written[0], 0)  # twice is once
    assert limits.enter("user-2", "key-0", "req_more").rate.requests_left == 3


class Broken(Exception):
    """What the SDK raises when its own tries are used up."""


@pytest.mark.parametrize("seed", range(12))
def test_limits_hold_whatever_becomes_of_the_writes(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    """A write fails, or is done and nobody hears of it, or another request overtakes it. A place that was taken for
    nobody counts until its time is over: never one too few."""
    chance, clock, apply = random.Random(seed), Clock(), world.counts.apply
    limits = limits_of(world, clock)

    def struck(*changes: CountChange) -> bool:
        fate = chance.choice(("done", "done", "done", "failed", "lost", "overtaken"))
        if fate == "failed":
            raise Broken
        done = False if fate == "overtaken" else bool(apply(*changes))
        if fate == "lost":
            raise Broken
        return done

    monkeypatch.setattr(world.counts, "apply", struck)
    inside: list[Admission] = []
    tried = 0
    for step in range(60):
        user_id, key_id = f"user-{chance.randrange(3)}", f"key-{chance.randrange(3)}"
        if inside and chance.random() < 0.4:
            limits.leave(inside.pop(chance.randrange(len(inside))), chance.randrange(3))
        else:
            tried += 1
            with contextlib.suppress(Broken, LimitReached):
                inside.append(limits.enter(user_id, key_id, f"req_{step}"))
        for who, key, most in [("everybody", "", 6), *((f"user-{one}", "", 3) for one in range(3))]:
            held = world.counts.read(who, Kind.REQUESTS, key).held
            mine = {one.request_id for one in inside if who in ("everybody", one.user_id)}
            assert mine <= held.keys() and len(held) <= most
            assert len(world.counts.read(who, Kind.REQUESTS, key).times) <= tried
        clock.forward(chance.choice((0, 0, 5, 15)))
    monkeypatch.setattr(world.counts, "apply", apply)
    clock.forward(961)
    (one,) = entered(limits, first=99)
    assert list(world.counts.read("everybody", Kind.REQUESTS).held) == [one.request_id]


def test_what_a_crash_left_has_no_place_after_its_time(world: World) -> None:  # noqa: F811
    clock = Clock()
    limits = limits_of(world, clock)
    entered(limits, count=2)
    clock.forward(961)
    assert entered(limits, first=5)


def test_a_minutes_requests(world: World) -> None:  # noqa: F811
    clock = Clock()
    limits = limits_of(world, clock)
    for at in range(4):
        (one,) = entered(limits, first=at)
        limits.leave(one, 0)
        clock.forward(10)
    error = refused(limits)
    assert error.reason == "too_many_requests" and error.retry_after_s == 20
    assert error.headers["x-ratelimit-remaining-requests"] == "0" and error.headers["Retry-After"] == "20"
    assert error.headers["x-ratelimit-reset-requests"] == "50s"
    clock.forward(20)
    (one,) = entered(limits, first=9)
    assert one.rate.requests_left == 0


def test_tokens_of_a_key_are_its_own_and_a_days(world: World) -> None:  # noqa: F811
    clock = Clock()
    limits = limits_of(world, clock)
    (one,) = entered(limits)
    assert (one.rate.tokens, one.rate.tokens_left) == (100, 100), "the key has less left than its person"
    limits.leave(one, 100)
    error = refused(limits)
    assert error.reason == "daily_tokens_used" and "one API key" in error.message
    assert error.headers["x-ratelimit-remaining-tokens"] == "0" and error.headers["x-should-retry"] == "false"
    (other,) = entered(limits, "key-2")
    limits.leave(other, 0)
    clock.now = NOW + timedelta(days=1)
    assert entered(limits, first=3)


def test_tokens_of_a_person_are_of_all_their_work(world: World) -> None:  # noqa: F811
    limits = limits_of(world, Clock())
    world.use_tokens("user-1", 1000, NOW)
    assert "one person" in refused(limits, "").message
    assert limits.enter("user-2", "", "req_x").rate.tokens_left == 1000


def test_request_that_another_one_overtakes_looks_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Between its look and its write others of the same person come with other keys: person and key are one write."""
    limits, apply, others = limits_of(world, Clock()), world.counts.apply, iter(("key-2", "key-3", "key-4"))

    def overtaken(*changes: CountChange) -> bool:
        monkeypatch.setattr(world.counts, "apply", apply)
        if key := next(others, None):
            limits.enter("user-1", key, f"req_{key}")
            monkeypatch.setattr(world.counts, "apply", overtaken)
        return bool(apply(*changes))

    monkeypatch.setattr(world.counts, "apply", overtaken)
    assert refused(limits).reason == "too_many_at_once"
    held = {key: len(world.counts.read("user-1", Kind.REQUESTS, key).held) for key in ("", "key-1", "key-2", "key-3")}
    assert held == {"": 3, "key-1": 0, "key-2": 1, "key-3": 1}


@pytest.fixture
def two_at_once() -> Iterator[tuple[WebWorld, Paused, str]]:
    paused = Paused(["a"])
    web = WebWorld(bedrock=paused, person=MANY, key=RequestCaps(whose="one API key", per_minute=9, at_once=2))
    with web.serving() as base_url:
        yield web, paused, base_url


def test_clients_see_openais_headers_and_a_third_stream_waits(two_at_once: tuple[WebWorld, Paused, str]) -> None:
    _, paused, base_url = two_at_once
    hello = [{"role": "user", "content": "Hi"}]
    with OpenAI(base_url=base_url, api_key="user-1/key-1", max_retries=0) as client:
        paused.may[0].set()
        create = client.chat.completions.with_raw_response.create
        streams = [create(model=MODEL, messages=hello, stream=True) for _ in range(2)]  # type: ignore[call-overload]
        assert [one.headers["x-ratelimit-remaining-requests"] for one in streams] == ["8", "7"]
        assert streams[0].headers["x-ratelimit-limit-tokens"] == "1000000"
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model=MODEL, messages=hello)  # type: ignore[call-overload]
        assert caught.value.code == "too_many_at_once" and caught.value.response.headers["retry-after"] == "2"
        assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "7"
        paused.may[1].set()
        for one in streams:
            assert list(one.parse())
        assert client.chat.completions.create(model=MODEL, messages=hello).choices  # type: ignore[call-overload]


class Wire:
    """How many attribute values the table's calls send and get."""

    def __init__(self, client: Any) -> None:
        self._client, self.values = client, 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def counted(**asked: Any) -> Any:
            answer = call(**asked)
            self.values += values_in(asked) + values_in({**answer, "ResponseMetadata": {}})
            return answer

        return counted


def values_in(body: object) -> int:
    if isinstance(body, dict):
        own = len(body) == 1 and next(iter(body)) in ("S", "N", "L", "M", "BOOL")
        return own + sum(map(values_in, body.values()))
    return sum(map(values_in, body)) if isinstance(body, list) else 0


def test_a_request_takes_no_more_of_the_wire_the_more_came_before_it_and_the_more_are_at_work(aws: Aws) -> None:
    many = {"per_minute": 1000, "at_once": 1000}
    wire = Wire(aws.items.client)
    counts = CountStore(BatchTable(Table(wire, aws.items.name)))
    caps = RequestCaps(whose="one person", **many), RequestCaps(whose="one API key", **many)
    limits = RequestLimits(counts, *caps, RequestCaps(whose="this deployment", at_once=1000), Clock())
    taken = []
    for number in range(60):
        before = wire.values
        limits.enter("ana", "key-1", f"req_{number}")
        taken.append(wire.values - before)
    assert len(set(taken[1:])) == 1, f"of the first ones and the last: {taken[1:4]}, {taken[-3:]}"


@pytest.mark.parametrize("held", [{}, {"req_1": 1767225600}, {"con=": 1, 'báo✓ "': 2}])
@pytest.mark.parametrize("times", [(), (0,), (1767225600000,), (1767225600000, 1767225600000, 1767225660001)])
def test_a_count_is_read_as_it_was_kept_now_and_by_earlier_versions(
    aws: Aws, times: tuple[int, ...], held: dict[str, int]
) -> None:
    store = CountStore(aws.items)
    nothing = store.read("ana", Kind.REQUESTS)
    kept = replace(nothing, version=1, times=times, held=held, used=7, day="2026-01-01")
    assert store.apply(CountChange(nothing, kept))
    assert store.read("ana", Kind.REQUESTS) == kept
    aws.put(**person_count_key("bea", "REQUESTS"), version=3, times=list(times), held=held, used=7, day="2026-01-01")
    old = store.read("bea", Kind.REQUESTS)
    (item,) = aws.items.query("LIMITS#ana")
    assert not item.keys() & {"times", "held"}, "a version that is taken back would not understand them"
    assert (old.version, old.times, old.held) == (3, times, held)
    assert store.apply(CountChange(old, replace(old, version=4)))
    assert store.read("bea", Kind.REQUESTS) == replace(old, version=4)
