"""What a team has used, grouped, and what the same tokens would have cost elsewhere. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from foreverus.costs.money import NOTHING
from foreverus.costs.prices import Price, TokenPrice, gpu_usd_per_million_tokens
from foreverus.costs.usage.records import DayUsage, Used

ALWAYS_ON_TYPE = "g6.xlarge"  # what a team would leave switched on instead
OTHERS = "others"  # all people but the one who asks
SHOWN_TO_ALL = frozenset({"schedule"})  # nobody's: everybody may see the schedule's batches


class GroupBy(StrEnum):
    DAY = "day"
    BACKEND = "backend"
    PERSON = "person"
    KIND = "kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What the same tokens are reckoned with. `gpu_usd_per_hour`: with disk and address. `always_on`: of a GPU that is
    never switched off. Where a price is not known, what it would have cost is not known either."""

    gpu_usd_per_hour: float | None
    gpu_tokens_per_second: float
    bedrock: TokenPrice
    always_on: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """`usd`: paid by use, whoever took it; what a GPU cost is in its session's receipt. `if_…`: what the same tokens
    would have cost on a GPU that is busy all the time, on Bedrock, and how much a GPU that is never switched off has
    cost in these hours, whatever it answered. None: nobody knows the price."""

    messages: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: Decimal = NOTHING
    if_gpu_usd: float | None = None
    if_bedrock_usd: float | None = None
    if_always_on_usd: float | None = None

    def with_more(self, used: Used) -> "Sum":
        return replace(
            self,
            messages=self.messages + used.messages,
            prompt_tokens=self.prompt_tokens + used.prompt_tokens,
            completion_tokens=self.completion_tokens + used.completion_tokens,
            usd=self.usd + used.usd,
        )

    def priced(self, at: Elsewhere, hours: float) -> "Sum":
        gpu, always_on = None, at.always_on.usd_per_hour
        if at.gpu_usd_per_hour is not None:
            each = gpu_usd_per_million_tokens(at.gpu_usd_per_hour, at.gpu_tokens_per_second)
            gpu = self.completion_tokens / 1e6 * each
        return replace(
            self,
            if_gpu_usd=gpu,
            if_bedrock_usd=at.bedrock.usd(self.prompt_tokens, self.completion_tokens),
            if_always_on_usd=None if always_on is None else hours * always_on,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """`names`: which day, backend, person and kind, as far as it was asked for."""

    names: Mapping[GroupBy, str]
    sum: Sum


@dataclass(frozen=True, slots=True)
class Report:
    """`first`, `last`: days, both with it."""

    first: date
    last: date
    now: datetime
    totals: Sum
    groups: Sequence[Group] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Reporting:
    """What is asked for. `shown_as`: whose name stands for a person's."""

    first: date
    last: date
    group_by: Sequence[GroupBy]
    elsewhere: Elsewhere
    now: datetime
    shown_as: Callable[[str], str]

    def report(self, days: Iterable[DayUsage]) -> Report:
        """Groups in the order of their names."""
        totals, sums = Sum(), dict[tuple[str, ...], Sum]()
        for day in days:
            for used in day:
                totals = totals.with_more(used)
                names = self._names(day, used)
                sums[names] = sums.get(names, Sum()).with_more(used)
        groups = [
            Group(dict(zip(self.group_by, names, strict=True)), sums[names].priced(self.elsewhere, self._hours(names)))
            for names in (sorted(sums) if self.group_by else ())
        ]
        whole = totals.priced(self.elsewhere, hours(self.first, self.last, self.now))
        return Report(self.first, self.last, self.now, whole, groups)

    def _names(self, day: DayUsage, used: Used) -> tuple[str, ...]:
        known = {
            GroupBy.DAY: day.day,
            GroupBy.BACKEND: used.service.value,
            GroupBy.PERSON: self.shown_as(day.user_id),
            GroupBy.KIND: used.kind.value,
        }
        return tuple(known[one] for one in self.group_by)

    def _hours(self, names: tuple[str, ...]) -> float:
        if GroupBy.DAY not in self.group_by:
            return hours(self.first, self.last, self.now)
        day = date.fromisoformat(names[self.group_by.index(GroupBy.DAY)])
        return hours(day, day, self.now)


def shown_to(user_id: str, is_admin: bool) -> Callable[[str], str]:
    """An admin sees every person's numbers; anybody else their own, and what all others have used together.

    >>> [shown_to("ana", False)(one) for one in ("ana", "bia", "erased", "schedule")]
    ['ana', 'others', 'others', 'schedule']
    >>> shown_to("ana", True)("bia")
    'bia'
    """
    if is_admin:
        return lambda of: of
    return lambda of: of if of == user_id or of in SHOWN_TO_ALL else OTHERS


def hours(first: date, last: date, now: datetime) -> float:
    """Of these days, as far as they have come.

    >>> hours(date(2026, 11, 1), date(2026, 11, 30), datetime(2026, 11, 2, 12, tzinfo=UTC))
    36.0
    """
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    return max(0.0, (min(end, now) - begin).total_seconds() / 3600)
