"""Whether there is a place left for one more request, and what is left after it. Pure."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from foreverus.costs.usage.records import day_of
from foreverus.errors import LimitReached
from foreverus.limits.records import Count, CountChange
from foreverus.limits.rules import WINDOW_MS, in_words, until_midnight

AT_ONCE_AGAIN_S = 2  # nobody knows how long the answers that are being written will take


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCaps:
    """`whose`: for people, "one person" or "one API key". `per_minute`, `tokens_per_day` 0: no limit of its own."""

    whose: str
    at_once: int
    per_minute: int = 0
    tokens_per_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What is left just now. Resets in seconds: until the whole limit is there again. `tokens` None: no limit."""

    requests: int
    requests_left: int
    requests_reset_s: float
    tokens: int | None = None
    tokens_left: int = 0
    tokens_reset_s: float = 0.0

    def headers(self) -> Mapping[str, str]:
        """By OpenAI's names."""
        told = {
            "x-ratelimit-limit-requests": str(self.requests),
            "x-ratelimit-remaining-requests": str(self.requests_left),
            "x-ratelimit-reset-requests": shown(self.requests_reset_s),
        }
        if self.tokens is None:
            return told
        return told | {
            "x-ratelimit-limit-tokens": str(self.tokens),
            "x-ratelimit-remaining-tokens": str(self.tokens_left),
            "x-ratelimit-reset-tokens": shown(self.tokens_reset_s),
        }


def entered(count: Count, request_id: str, until: datetime, caps: RequestCaps, now: datetime) -> CountChange:
    """One more request. Raises LimitReached."""
    recent, held, used = _recent(count, now), _held(count, now), tokens_of(count, now)
    if caps.tokens_per_day and used >= caps.tokens_per_day:
        wait = until_midnight(now)
        message = (
            f"Answering has taken {used:,} tokens today; {caps.whose} has {caps.tokens_per_day:,} a day. The next day "
            f"begins at 00:00 UTC, in {in_words(wait)}."
        )
        raise LimitReached(message, "daily_tokens_used", wait)
    if caps.per_minute and len(recent) >= caps.per_minute:
        wait = -(-(recent[-caps.per_minute] + WINDOW_MS - _ms(now)) // 1000)
        message = (
            f"{len(recent)} requests came within a minute; {caps.whose} may send {caps.per_minute}. The next one is "
            f"accepted in {in_words(wait)}."
        )
        raise LimitReached(message, "too_many_requests", wait)
    if len(held) >= caps.at_once:
        message = (
            f"{len(held)} answers are being written; {caps.whose} may have {caps.at_once} at once. Wait until one of "
            "them is over."
        )
        raise LimitReached(message, "too_many_at_once", AT_ONCE_AGAIN_S)
    times = (*recent, _ms(now)) if caps.per_minute else ()
    places = {**held, request_id: int(until.timestamp())}
    return _changed(count, times=times, held=places, used=used, day=day_of(now))


def left(count: Count, request_id: str, tokens: int, now: datetime) -> CountChange:
    """A request that is over. Safe to do twice: what has no place any more was counted."""
    held = _held(count, now)
    mine = request_id in held
    held.pop(request_id, None)
    used = tokens_of(count, now) + (tokens if mine else 0)
    return _changed(count, held=held, used=used, day=day_of(now))


def with_tokens(count: Count, used: int, now: datetime) -> Count:
    """With what is known from elsewhere of the day's tokens."""
    return replace(count, used=used, day=day_of(now))


def tokens_of(count: Count, now: datetime) -> int:
    return count.used if count.day == day_of(now) else 0


def rate(count: Count, caps: RequestCaps, now: datetime) -> Rate:
    """What is left of a person's or a key's limits."""
    recent = _recent(count, now)
    reset = (recent[-1] + WINDOW_MS - _ms(now)) / 1000 if recent else 0.0
    left_now = max(0, caps.per_minute - len(recent))
    if not caps.tokens_per_day:
        return Rate(requests=caps.per_minute, requests_left=left_now, requests_reset_s=reset)
    used = tokens_of(count, now)
    return Rate(
        requests=caps.per_minute,
        requests_left=left_now,
        requests_reset_s=reset,
        tokens=caps.tokens_per_day,
        tokens_left=max(0, caps.tokens_per_day - used),
        tokens_reset_s=float(until_midnight(now)) if used else 0.0,
    )


def tighter(first: Rate, *others: Rate) -> Rate:
    """Of each limit the one of which less is left."""
    found = first
    for one in others:
        if one.requests_left < found.requests_left:
            found = replace(
                found,
                requests=one.requests,
                requests_left=one.requests_left,
                requests_reset_s=one.requests_reset_s,
            )
        if one.tokens is not None and (found.tokens is None or one.tokens_left < found.tokens_left):
            tokens = {"tokens": one.tokens, "tokens_left": one.tokens_left, "tokens_reset_s": one.tokens_reset_s}
            found = replace(found, **tokens)  # type: ignore[arg-type]
    return found


def shown(seconds: float) -> str:
    """As OpenAI's headers have it.

    >>> shown(0), shown(1.5), shown(59.999), shown(60), shown(86399)
    ('0s', '1.5s', '59.999s', '1m0s', '23h59m59s')
    """
    minutes, rest = divmod(round(max(0.0, seconds), 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    words = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{words}"
    return f"{minutes}m{words}" if minutes else words


def _recent(count: Count, now: datetime) -> tuple[int, ...]:
    since = _ms(now) - WINDOW_MS
    times = sorted(count.times)
    return tuple(times[bisect_right(times, since) :])


def _held(count: Count, now: datetime) -> dict[str, int]:
    seconds = now.timestamp()
    return {name: until for name, until in count.held.items() if until > seconds}


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _changed(count: Count, **changes: object) -> CountChange:
    return CountChange(count, replace(count, version=count.version + 1, **changes))  # type: ignore[arg-type]
