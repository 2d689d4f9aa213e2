"""The rules by themselves: what is refused, in which words, and that waiting as long as they say works."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.errors import LimitReached
from foreverus.limits import rules
from foreverus.limits.records import Count, Kind

NOW = datetime(2026, 11, 29, 21, 30, tzinfo=UTC)


def count(kind: Kind, **has: object) -> Count:
    return Count(user_id="ana", kind=kind, **has)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 20_000), max_size=60), st.integers(1, 8))
def test_no_minute_ever_holds_more_and_waiting_as_long_as_it_says_works(gaps_ms: list[int], most: int) -> None:
    now, known, sent = NOW, count(Kind.MESSAGES), list[datetime]()
    for gap in gaps_ms:
        now += timedelta(milliseconds=gap)
        try:
            known = rules.with_message(known, most, now).after
        except LimitReached as err:
            assert err.retry_after_s is not None and 1 <= err.retry_after_s <= 60
            rules.with_message(known, most, now + timedelta(seconds=err.retry_after_s))
            if err.retry_after_s > 1:  # and not much too long
                with pytest.raises(LimitReached):
                    rules.with_message(known, most, now + timedelta(seconds=err.retry_after_s - 1.001))
        else:
            sent.append(now)
    for first in sent:
        assert sum(first <= at < first + timedelta(minutes=1) for at in sent) <= most


def test_a_limit_that_was_lowered_says_when_enough_of_them_are_a_minute_old() -> None:
    known = count(Kind.MESSAGES)
    for second in range(20):
        known = rules.with_message(known, 20, NOW + timedelta(seconds=second)).after
    with pytest.raises(LimitReached) as refused:
        rules.with_message(known, 5, NOW + timedelta(seconds=20))
    assert refused.value.retry_after_s == 55  # when the sixteenth of twenty is a minute old


@pytest.mark.parametrize(
    ("refuse", "code", "after", "says"),
    [
        (
            lambda: rules.with_batch(
                count(Kind.BATCHES, held={"batch_1": int(NOW.timestamp()) + 600}), "batch_2", NOW, 1, NOW
            ),
            "too_many_open_batches",
            1800,
            ["1 open batches", "may have 1", "30 minutes", "cancel"],
        ),
        (
            lambda: rules.with_socket(
                count(Kind.SOCKETS, held={"a": int(NOW.timestamp()) + 90, "b": 2**31}), "c", NOW, 2, NOW
            ),
            "too_many_connections",
            90,
            ["2 open connections", "may have 2", "2 minutes", "tab"],
        ),
        (
            lambda: rules.with_bytes(count(Kind.BYTES, used=900_000), 200_000, 1_000_000),
            "storage_full",
            None,
            ["900,000", "200,000", "1,000,000", "Waiting does not help", "delete"],
        ),
        (
            lambda: rules.check_tokens(2_000_500, 2_000_000, NOW),
            "daily_tokens_used",
            9001,
            ["2,000,500", "2,000,000", "00:00 UTC", "2 hours and 31 minutes"],
        ),
    ],
)
def test_each_refusal_says_limit_use_and_what_helps(refuse, code: str, after: int | None, says: list[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LimitReached) as refused:
        refuse()
    error = refused.value
    assert (error.status, error.type, error.reason, error.retry_after_s) == (429, "rate_limit_error", code, after)
    for words in says:
        assert words in error.message
    # None of these waits is one that a client should sit through: OpenAI's would come again after a second.
    assert error.headers.get("x-should-retry") == ("false" if after is None or after > 60 else None)
    assert error.headers.get("Retry-After") == (None if after is None else str(after))


def test_what_has_a_place_keeps_it() -> None:
    full = count(Kind.BATCHES, held={"batch_1": 1, "batch_2": 2})
    again = rules.with_batch(full, "batch_2", NOW, 2, NOW).after
    assert again.held == {"batch_1": 1, "batch_2": int(NOW.timestamp())}
    assert again.version == full.version + 1
