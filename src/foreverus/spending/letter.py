"""The weekly letter: what seven days have cost, what it would have cost otherwise, and how GPUs ended. Nobody's name.

A run that is delivered twice sends one letter (sent_letters.py).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.costs.forecast import Spent, forecast, months_of, sentence
from foreverus.costs.ledger import Ledger, by_days
from foreverus.costs.meter import month_of
from foreverus.costs.usage.report import Reporting, Sum, shown_to
from foreverus.costs.usage.store import UsageDays, months_between
from foreverus.notifications.notification import Notification, Notifier
from foreverus.sessions.records import Session
from foreverus.spending.figures import CostFigures
from foreverus.spending.sent_letters import SentLetters
from foreverus.spending.usage import elsewhere

DAYS = 7  # whole ones, of UTC: the last is yesterday
DEAREST = 3
PAGE = 50
WAYS = {
    "idle": "nobody used it",
    "ended": "a person ended it",
    "max_life": "its longest life was over",
    "spend_cap": "its spend cap was reached",
    "interrupted": "AWS took the spot machine back",
    "failed": "it failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """`spent_usd`: what was counted in the ledger on its days. `used`: what was answered, and what that would have cost
    elsewhere. `sessions`: that ended on its days. `ahead`: a sentence on the month's end."""

    first: date
    last: date
    spent_usd: float
    used: Sum
    sessions: Sequence[Session]
    ahead: str


def letter(week: Week) -> Notification:
    """Pure."""
    used = week.used
    lines = [
        f"{week.first} to {week.last} (UTC)",
        "",
        f"Spent: US$ {week.spent_usd:.2f}, for {used.messages:,} answers with {used.completion_tokens:,} tokens.",
        _against("A GPU that is never switched off", used.if_always_on_usd, week.spent_usd),
        _against("The same tokens on Bedrock alone", used.if_bedrock_usd, week.spent_usd),
        _against("The same tokens on a GPU that is busy all the time", used.if_gpu_usd, week.spent_usd),
        "",
        *_of_sessions(week.sessions),
        "",
        week.ahead,
        "Who used what is on the page, under Usage. This letter is sent because the parameter WeeklyLetter says when.",
    ]
    return Notification(f"Forever Us: the week to {week.last} cost US$ {week.spent_usd:.2f}", "\n".join(lines))


def _against(what: str, usd: float | None, spent_usd: float) -> str:
    """
    >>> _against("A GPU that is never switched off", 135.2, 4.1)
    'A GPU that is never switched off: US$ 135.20, so US$ 131.10 were saved.'
    >>> _against("The same tokens on Bedrock alone", 1.0, 4.1)
    'The same tokens on Bedrock alone: US$ 1.00, so US$ 3.10 less.'
    """
    if usd is None:
        return f"{what}: its price is not known."
    difference = usd - spent_usd
    end = f"so US$ {difference:.2f} were saved" if difference >= 0 else f"so US$ {-difference:.2f} less"
    return f"{what}: US$ {usd:.2f}, {end}."


def _of_sessions(sessions: Sequence[Session]) -> Iterator[str]:
    if not sessions:
        yield "No GPU session ended."
        return
    receipts = [one.receipt for one in sessions if one.receipt]
    idle = [(one.idle_seconds or 0.0, one.idle_usd or 0.0) for one in receipts]
    minutes, usd = sum(seconds for seconds, _ in idle) / 60, sum(cost for _, cost in idle)
    yield f"GPU sessions that ended: {len(sessions)}. Ready, and nobody asked: {minutes:.0f} minutes, US$ {usd:.2f}."
    ways = Counter(one.outcome.value if one.outcome else "" for one in sessions)
    yield "How they ended:"
    yield from (f"  {count} × {WAYS.get(way, way or 'not known')}" for way, count in ways.most_common())
    dearest = sorted((one for one in sessions if one.receipt), key=lambda one: -_usd(one))[:DEAREST]
    if dearest:
        yield "The dearest:"
    for one in dearest:
        at = one.created_at[:16].replace("T", " ")
        hours = (one.receipt.instance_seconds if one.receipt else 0) / 3600
        yield f"  US$ {_usd(one):.2f}: {one.session_id}, from {at}, {one.instance_type or 'no machine'}, {hours:.1f} h"


def _usd(session: Session) -> float:
    """A receipt whose price nobody knows says None."""
    return (session.receipt.total_usd if session.receipt else None) or 0.0


class Sessions(Protocol):
    def newest(self, limit: int, after: str = "") -> list[Session]: ...


@dataclass(frozen=True, kw_only=True)
class WeeklyLetter:
    sessions: Sessions
    ledger: Ledger
    days: UsageDays
    figures: Callable[[], CostFigures]
    notifier: Notifier
    monthly_cap_usd: float
    clock: Callable[[], datetime]
    sent: SentLetters

    def send(self, scheduled_at: str) -> Notification | None:
        """Of the seven days before this one. None: that one was sent. Raises NotAccepted while another run sends it."""
        written = letter(self.week())
        if not self.sent.begin(scheduled_at, self.clock()):
            return None
        self.notifier.send(written)
        self.sent.done(scheduled_at, self.clock())
        return written

    def week(self) -> Week:
        now = self.clock().astimezone(UTC)
        last = now.date() - timedelta(days=1)
        first = last - timedelta(days=DAYS - 1)
        counted = by_days(self.ledger, months_between(f"{first:%Y-%m}", f"{last:%Y-%m}"))
        reporting = Reporting(first, last, (), elsewhere(self.figures()), now, shown_to("", False))
        days = self.days.days(first.isoformat(), last.isoformat())
        spent, recent = Spent(self.ledger.spent(month_of(ids.timestamp(now)))), by_days(self.ledger, months_of(now))
        return Week(
            first=first,
            last=last,
            spent_usd=sum(usd for day, usd in counted.items() if first <= day <= last),
            used=reporting.report(days).totals,
            sessions=list(self._ended(first.isoformat(), now.date().isoformat())),
            ahead=sentence(forecast(recent, spent, now, self.monthly_cap_usd)),
        )

    def _ended(self, first: str, after_last: str) -> Iterator[Session]:
        """A session lives for a day at most, so one that began before the day before the first has ended before it."""
        begun = (date.fromisoformat(first) - timedelta(days=2)).isoformat()
        after = ""
        while found := self.sessions.newest(PAGE, after):
            yield from (one for one in found if first <= one.ended_at[:10] < after_last)
            after = found[-1].session_id
            if len(found) < PAGE or (found[-1].created_at and found[-1].created_at < begun):
                return
