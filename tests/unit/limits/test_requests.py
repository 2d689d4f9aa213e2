"""Requests of OpenAI's API: counted exactly for person and key together, in the table and in its twin."""

from collections.abc import Iterator
from datetime import timedelta

import openai
import pytest
from openai import OpenAI

from foreverus.errors import LimitReached
from foreverus.limits.records import CountChange, Kind
from foreverus.limits.request_rules import RequestCaps
from foreverus.limits.requests import Admission, RequestLimits
from tests.unit.conftest import NOW
from tests.unit.limits.test_person import World, world  # noqa: F401  # a fixture
from tests.unit.openai_api.world import MANY, MODEL, Clock, Paused
from tests.unit.openai_api.world import World as WebWorld

PERSON = RequestCaps(whose="one person", per_minute=5, at_once=3, tokens_per_day=1000)
KEY = RequestCaps(whose="one API key", per_minute=4, at_once=2, tokens_per_day=100)


def limits_of(world: World, clock: Clock) -> RequestLimits:  # noqa: F811
    return RequestLimits(world.counts, PERSON, KEY, clock)


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
