"""The capacity diary: what EC2 sold and refused, by type and zone."""

from datetime import timedelta

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.sessions.advice import advice
from foreverus.sessions.capacity import Pool, Refusal, entries, last_bought, refusals_of
from foreverus.sessions.closing import Failure
from foreverus.sessions.diary import CapacityDiary
from foreverus.sessions.views import public_pool
from tests.unit.conftest import NOW, Aws, launch
from tests.unit.sessions.test_closing import Machine, closer, live, request

AT = ids.timestamp(NOW)


def refusal(code: str = "InsufficientInstanceCapacity", at: str = AT) -> Refusal:
    return Refusal("g6.xlarge", "us-east-1b", code, "spot", at)


def test_session_leaves_what_it_bought_and_what_it_was_refused(aws: Aws) -> None:
    live(aws)
    closer(aws, Machine()).close(request("idle", refusals=[refusal()]))
    first, second = map(public_pool, CapacityDiary(aws.items).read())
    assert (first["instance_type"], first["availability_zone"]) == ("g6.xlarge", "us-east-1a")
    assert first["bought_at"] == ids.timestamp(NOW - timedelta(minutes=30))
    assert first["refused_at"] is None
    assert (second["availability_zone"], second["refused_code"]) == ("us-east-1b", "InsufficientInstanceCapacity")
    assert second["bought_at"] is None


def test_older_fact_never_replaces_a_newer_one(aws: Aws) -> None:
    diary = CapacityDiary(aws.items)
    diary.write(entries([], [refusal(code="New")]))
    diary.write(entries([], [refusal(code="Old", at="2025-01-01T00:00:00.000Z")]))
    (row,) = diary.read()
    assert row.refused_code == "New"
    diary.write(entries([launch(availability_zone="us-east-1b")], []))
    (row,) = diary.read()
    assert (row.refused_code, row.bought_lifecycle) == ("New", "spot")


def test_many_refusals_of_one_zone_are_one_fact() -> None:
    found = entries([], [refusal(code="A"), refusal(code="B", at="2026-02-01T00:00:00.000Z")])
    assert [one.code for one in found] == ["B"]


def test_what_ec2_said_is_read_pool_by_pool() -> None:
    pool = {"Overrides": {"InstanceType": "g6.xlarge", "SubnetId": "subnet-b"}}
    sold_out = {"ErrorCode": "InsufficientInstanceCapacity", "LaunchTemplateAndOverrides": pool}
    fleets = [
        {"lifecycle": "spot", "at": AT, "errors": [sold_out, {"ErrorCode": "x" * 200}]},
        {"lifecycle": "on-demand", "at": AT, "errors": []},
    ]
    assert refusals_of(fleets, {"subnet-b": "us-east-1b"}) == [
        refusal(),
        Refusal("unknown", "unknown", "x" * 60, "spot", AT),
    ]


def test_no_capacity_says_where_one_was_bought_last(aws: Aws) -> None:
    CapacityDiary(aws.items).write(entries([launch(launched_at=ids.timestamp(NOW - timedelta(hours=3)))], []))
    aws.put(**keys.session_key("ses_1"), session_id="ses_1", created_at=AT)
    result = closer(aws, Machine()).close(
        request(failure=Failure("NoGpuCapacity", "EC2 said: no"), refusals=[refusal()])
    )
    cause = (aws.items.get(keys.session_key("ses_1")) or {})["cause"]
    assert "Last bought: g6.xlarge (spot) in us-east-1a, 3 hours ago." in cause
    assert cause.endswith("EC2 said: no")
    assert "Last bought" in result.notification.message


def test_nothing_was_ever_bought() -> None:
    assert (
        last_bought([Pool(instance_type="g6.xlarge", zone="a", refused_at=AT)], NOW)
        == "None was ever bought by this deployment."
    )


def test_quota_is_told_with_its_name_and_how_to_raise_it(aws: Aws) -> None:
    aws.put(**keys.session_key("ses_1"), session_id="ses_1", created_at=AT, allow_on_demand=True)
    closer(aws, Machine()).close(request("failed", Failure("GpuQuotaExceeded", "x" * 2000)))
    cause = (aws.items.get(keys.session_key("ses_1")) or {})["cause"]
    for words in (
        "'All G and VT Spot Instance Requests' (L-3819A6DF)",
        "'Running On-Demand G and VT instances' (L-DB2E81BA)",
        "aws service-quotas request-service-quota-increase --region us-east-1 --service-code ec2",
    ):
        assert words in cause


REFUSALS = ["NoGpuCapacity", "GpuQuotaExceeded", "LaunchNotAuthorized", "AccountNotVerified", "LaunchRefused"]


@pytest.mark.parametrize("code", [*REFUSALS, "SpendCapReached"])
def test_people_are_told_what_to_do(code: str) -> None:
    assert advice(code)
