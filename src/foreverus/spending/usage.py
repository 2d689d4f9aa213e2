"""`GET /v1/usage`: the meter, and what the team and the one who asks have used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from foreverus.api import schemas
from foreverus.api.requests import Person
from foreverus.api.responses import Body
from foreverus.costs.assumptions import Assumption, Measure, Range
from foreverus.costs.usage.records import KEPT, day_of
from foreverus.costs.usage.report import ALWAYS_ON_TYPE, Elsewhere, GroupBy, Report, Reporting, shown_to
from foreverus.costs.usage.store import UsageDays
from foreverus.errors import InvalidRequest
from foreverus.sessions.usage import Usage
from foreverus.sessions.views import public_usage
from foreverus.spending.figures import CostFigures
from foreverus.spending.views import public_assumption, public_report

MOST_GROUPS = 5_000  # of one answer: some 300 bytes each, of the 6 MB that Lambda gives
BUSY = "busy all the time: no boot, no idle minute"


@dataclass(frozen=True)
class TeamUsage:
    meter: Usage
    days: UsageDays
    figures: Callable[[], CostFigures]
    clock: Callable[[], datetime]

    def show(self, who: Person, query: Mapping[str, str]) -> Body:
        """Raises InvalidRequest that names the parameter."""
        now = self.clock()
        first, last, group_by = read_query(query, now)
        figures = self.figures()
        shown = shown_to(who.user_id, who.is_admin)
        asked = Reporting(first, last, group_by, elsewhere(figures), now, shown)
        days = list(self.days.days(first.isoformat(), last.isoformat()))
        team, own = asked.report(days), asked.report(one for one in days if one.user_id == who.user_id)
        _check_size(team)
        return {
            **public_usage(self.meter.show()),
            "from": first.isoformat(),
            "to": last.isoformat(),
            "group_by": list(group_by),
            "team": public_report(team),
            "own": public_report(own),
            "assumptions": [public_assumption(one) for one in assumptions(figures)],
        }


def read_query(query: Mapping[str, str], now: datetime) -> tuple[date, date, tuple[GroupBy, ...]]:
    """(first day, last day, by what). Pure. Raises InvalidRequest."""
    schemas.check("usage_query", dict(query))
    today = date.fromisoformat(day_of(now))
    first = _day(query, "from", today.replace(day=1))
    last = _day(query, "to", max(today, first))
    if last < first:
        message = f"'to' ({last}) is before 'from' ({first}): leave one of them out, or change them."
        raise InvalidRequest(message, param="to", code="invalid_field")
    if last - first > KEPT:
        message = f"From {first} to {last} are more than {KEPT.days} days, and no more are kept: ask for fewer."
        raise InvalidRequest(message, param="from", code="invalid_field")
    names = query["group_by"].split(",") if query.get("group_by") else []
    if len(set(names)) < len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise InvalidRequest(
            f"'group_by' names '{twice}' twice: once is enough.", param="group_by", code="invalid_field"
        )
    return first, last, tuple(map(GroupBy, names))


def _day(query: Mapping[str, str], name: str, otherwise: date) -> date:
    given = query.get(name)
    if not given:
        return otherwise
    try:
        return date.fromisoformat(given)
    except ValueError as err:
        month = (date(int(given[:4]), int(given[5:7]), 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        message = f"There is no {given}: '{name}' must be a day, and that month ends with {month}."
        raise InvalidRequest(message, param=name, code="invalid_field") from err


def _check_size(report: Report) -> None:
    if len(report.groups) > MOST_GROUPS:
        message = (
            f"These are {len(report.groups):,} groups, and an answer has at most {MOST_GROUPS:,}: ask for fewer days, "
            "or group by less."
        )
        raise InvalidRequest(message, param="group_by", code="too_many_groups")


def elsewhere(figures: CostFigures) -> Elsewhere:
    """Pure."""
    return Elsewhere(
        gpu_usd_per_hour=figures.spot.value.expected if figures.price_known else None,
        gpu_tokens_per_second=figures.gpu_tokens_per_second.value.expected,
        bedrock=figures.bedrock_price,
        always_on=figures.always_on,
    )


def assumptions(figures: CostFigures) -> list[Assumption]:
    """What `if_…` is reckoned with. Pure."""
    rate, always_on = figures.gpu_tokens_per_second, figures.always_on
    found = [Assumption(rate.name, Range.of(rate.value.expected), rate.measure, f"{rate.source}; {BUSY}")]
    if figures.price_known:
        found.append(replace(figures.spot, value=Range.of(figures.spot.value.expected)))
    if always_on.usd_per_hour is not None:
        source = f"{ALWAYS_ON_TYPE}, {always_on.source}; the machine alone"
        found.append(
            Assumption("always_on_usd_per_hour", Range.of(always_on.usd_per_hour), Measure.USD_PER_HOUR, source)
        )
    return found + figures.token_prices
