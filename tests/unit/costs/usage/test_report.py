"""Sums of what a team has used: grouped as asked, shown to whom they may be, and what they would cost elsewhere."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.costs.prices import Price, TokenPrice
from foreverus.costs.usage.records import DayUsage, UsageKind, Used, UsedService, added
from foreverus.costs.usage.report import Elsewhere, GroupBy, Report, Reporting, shown_to

GPU, BEDROCK = UsedService.GPU, UsedService.BEDROCK
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ELSEWHERE = Elsewhere(
    gpu_usd_per_hour=0.36, gpu_tokens_per_second=100.0, bedrock=TokenPrice(0.15, 0.2, "list"), always_on=Price(0.8, "")
)


def day(name: str, user_id: str, *parts: Used) -> DayUsage:
    return DayUsage(name, user_id, added({}, parts))


def used(service: UsedService, kind: UsageKind, messages: int, prompt: int, completion: int, usd: str = "0") -> Used:
    return Used(
        service=service, kind=kind, messages=messages, prompt_tokens=prompt, completion_tokens=completion,
        usd=Decimal(usd),
    )  # fmt: skip


DAYS = [
    day("2026-11-01", "ana", used(GPU, UsageKind.CHAT, 1, 100, 1_000), used(BEDROCK, UsageKind.API, 2, 10, 20, "0.5")),
    day("2026-11-01", "bia", used(BEDROCK, UsageKind.CHAT, 3, 1_000_000, 500_000, "0.25")),
    day("2026-11-03", "schedule", used(GPU, UsageKind.BATCH, 50, 5_000, 9_000)),
    day("2026-11-03", "erased", used(GPU, UsageKind.CHAT, 7, 1, 2)),
]


def report(*group_by: GroupBy, admin: bool = False, elsewhere: Elsewhere = ELSEWHERE) -> Report:
    asked = Reporting(date(2026, 11, 1), date(2026, 11, 30), group_by, elsewhere, NOW, shown_to("ana", admin))
    return asked.report(DAYS)


def test_who_is_no_admin_sees_their_own_and_what_all_others_used_together() -> None:
    shown = {one.names[GroupBy.PERSON]: one.sum.messages for one in report(GroupBy.PERSON).groups}
    assert shown == {"ana": 3, "others": 10, "schedule": 50}
    shown = {one.names[GroupBy.PERSON]: one.sum.messages for one in report(GroupBy.PERSON, admin=True).groups}
    assert shown == {"ana": 3, "bia": 3, "erased": 7, "schedule": 50}


def test_groups_are_by_all_that_was_asked_for_in_that_order() -> None:
    found = report(GroupBy.KIND, GroupBy.BACKEND)
    assert [tuple(one.names.values()) for one in found.groups] == [
        ("api", "bedrock"), ("batch", "gpu"), ("chat", "bedrock"), ("chat", "gpu"),
    ]  # fmt: skip
    assert [one.sum.completion_tokens for one in found.groups] == [20, 9_000, 500_000, 1_002]
    assert not report().groups


def test_the_same_tokens_elsewhere() -> None:
    by_backend = {one.names[GroupBy.BACKEND]: one.sum for one in report(GroupBy.BACKEND).groups}
    bedrock = by_backend["bedrock"]
    assert bedrock.usd == Decimal("0.75")
    assert bedrock.if_gpu_usd == pytest.approx(500_020 / 100 / 3600 * 0.36)
    assert bedrock.if_bedrock_usd == pytest.approx((1_000_010 * 0.15 + 500_020 * 0.2) / 1e6)
    assert bedrock.if_always_on_usd == pytest.approx(60 * 0.8), "from the first until now, whatever it answered"
    by_day = {one.names[GroupBy.DAY]: one.sum.if_always_on_usd for one in report(GroupBy.DAY).groups}
    assert by_day == {"2026-11-01": pytest.approx(24 * 0.8), "2026-11-03": pytest.approx(12 * 0.8)}


def test_what_nobody_knows_the_price_of_is_not_made_up() -> None:
    unknown = Elsewhere(
        gpu_usd_per_hour=None,
        gpu_tokens_per_second=1.0,
        bedrock=TokenPrice(None, None, "?"),
        always_on=Price(None, "?"),
    )
    totals = report(elsewhere=unknown).totals
    assert (totals.if_gpu_usd, totals.if_bedrock_usd, totals.if_always_on_usd) == (None, None, None)


@given(st.lists(st.sampled_from(GroupBy), unique=True, max_size=4), st.booleans())
def test_groups_add_up_to_the_totals(group_by: list[GroupBy], admin: bool) -> None:
    found = report(*group_by, admin=admin)
    for name in ("messages", "prompt_tokens", "completion_tokens", "usd"):
        whole = sum(getattr(one.sum, name) for one in found.groups)
        assert not group_by or whole == getattr(found.totals, name)
