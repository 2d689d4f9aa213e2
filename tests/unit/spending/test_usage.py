"""`GET /v1/usage` through its handler: who sees what of whom, and what a wrong query is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.store import BatchStore
from foreverus.costs.money import exact
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import usage_write
from tests.unit.conftest import NOW, Aws
from tests.unit.spending.calling import call

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ana has chatted on both backends, Bia has had a batch; the clock stands at the first of January, noon."""
    monkeypatch.setattr(bootstrap.aws, "clock", lambda: NOW)
    gpu = Used(service=UsedService.GPU, kind=UsageKind.CHAT, messages=1, prompt_tokens=100, completion_tokens=50)
    bedrock = Used(service=UsedService.BEDROCK, kind=UsageKind.CHAT, messages=1, usd=exact(0.25))
    batch = Used(service=UsedService.BEDROCK, kind=UsageKind.BATCH, messages=9, completion_tokens=1_000, usd=exact(1.0))
    aws.items.transact(usage_write("ana", NOW, gpu, bedrock))
    aws.items.transact(usage_write("bia", NOW, batch))

    def asked(query: dict[str, str] | None = None, user_id: str = "ana", admin: bool = False) -> tuple[int, Any]:
        return call("GET /usage", query=query, user_id=user_id, admin=admin)

    return asked


def test_it_is_this_month_with_the_teams_sums_and_ones_own(ask: Ask) -> None:
    status, shown = ask()
    assert (status, shown["from"], shown["to"], shown["group_by"]) == (200, "2026-01-01", "2026-01-01", [])
    assert (shown["team"]["totals"]["messages"], shown["own"]["totals"]["messages"]) == (11, 2)
    assert (shown["team"]["totals"]["usd"], shown["own"]["totals"]["usd"]) == (1.25, 0.25)
    assert shown["month"] == "2026-01" and shown["caps"], "what there was before is there still"


def test_the_months_end_at_the_present_pace_comes_with_its_sum(ask: Ask, aws: Aws) -> None:
    guess = ask()[1]["forecast"]
    assert (guess["enough"], guess["days"], guess["expected"]) == (False, 0, 0.0) and "guess" in guess["text"]
    aws.put(**keys.ledger_total_key("2025-12"), spent_usd=9.0, **{f"usd_of_day_{day}": 0.5 for day in range(14, 32)})
    aws.put(**keys.ledger_total_key("2026-01"), spent_usd=0.25, usd_of_day_01=0.25)
    shown = ask()[1]["forecast"]
    assert (shown["from"], shown["to"], shown["days"]) == ("2025-12-18", "2025-12-31", 14)
    assert shown["expected"] == shown["low"] == shown["high"] == 0.25 + 0.5 * 30.5
    assert shown["text"].startswith("At the present pace the month ends at US$ 15.50: US$ 0.25 so far")


@pytest.mark.parametrize(
    ("admin", "people"), [(False, {"ana": 2, "others": 9}), (True, {"ana": 2, "bia": 9})], ids=["member", "admin"]
)
def test_only_an_admin_sees_every_person(ask: Ask, admin: bool, people: dict[str, int]) -> None:
    _, shown = ask({"group_by": "person"}, admin=admin)
    assert {one["person"]: one["messages"] for one in shown["team"]["groups"]} == people
    assert "bia" not in json.dumps(ask({"group_by": "person,day"})[1])


def test_each_figure_says_where_it_is_from(ask: Ask, aws: Aws) -> None:
    found = {one["name"]: one for one in ask()[1]["assumptions"]}
    assert "published" in found["gpu_tokens_per_second"]["source"]
    assert (
        "2026-07-20" in found["always_on_usd_per_hour"]["source"]
        and found["always_on_usd_per_hour"]["expected"] == 0.8048
    )
    assert "spot in us-east-1" in found["gpu_spot_usd_per_hour"]["source"]
    BatchStore(aws.items).note_speed("g6.xlarge", LearnedSpeed(tokens_per_second=600.0))
    _, shown = ask()
    rate = next(one for one in shown["assumptions"] if one["name"] == "gpu_tokens_per_second")
    assert rate["expected"] == 600.0 and "learned" in rate["source"]
    price = next(one["expected"] for one in shown["assumptions"] if one["name"] == "gpu_spot_usd_per_hour")
    assert shown["team"]["totals"]["if_gpu_usd"] == pytest.approx(1_050 / 600 / 3600 * price, abs=1e-9)


@pytest.mark.parametrize(
    ("query", "param", "words"),
    [
        ({"from": "2026-02-30"}, "from", "There is no 2026-02-30"),
        ({"to": "2025-02-29"}, "to", "ends with 2025-02-28"),
        ({"from": "2026-1-1"}, "from", "a day such as 2026-11-29"),
        ({"from": "yesterday"}, "from", "a day such as 2026-11-29"),
        ({"from": "2026-01-01\n"}, "from", "a day such as 2026-11-29"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "to", "is before 'from'"),
        ({"to": "2025-12-31"}, "to", "is before 'from'"),
        ({"from": "2024-01-01"}, "from", "more than 400 days"),
        ({"group_by": "week"}, "group_by", "day, backend, person or kind"),
        ({"group_by": "day,day"}, "group_by", "names 'day' twice"),
        ({"group_by": "day,"}, "group_by", "day, backend, person or kind"),
        ({"since": "2026-01-01"}, "since", "Known fields: from, group_by, to"),
    ],
)
def test_a_wrong_query_is_told_what_is_wrong(ask: Ask, query: dict[str, str], param: str, words: str) -> None:
    status, shown = ask(query)
    assert (status, shown["error"]["param"]) == (400, param) and words in shown["error"]["message"]


def test_more_groups_than_an_answer_has_room_for_are_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foreverus.spending.usage.MOST_GROUPS", 1)
    status, shown = ask({"group_by": "backend"})
    assert (status, shown["error"]["code"], shown["error"]["param"]) == (400, "too_many_groups", "group_by")
    assert ask({"group_by": "day"})[0] == 200


def test_a_year_ago_can_be_asked_for(ask: Ask) -> None:
    status, shown = ask({"from": "2025-01-01", "to": "2025-12-31", "group_by": "day"})
    assert (status, shown["team"]["groups"], shown["team"]["totals"]["messages"]) == (200, [], 0)
