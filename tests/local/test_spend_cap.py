"""The spend guard on the laptop's cloud: prices in records, the meter, and what happens at a cap."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from foreverus.aws import keys
from local.cloud import Cloud
from local.person import Person
from tests.cloud import unique
from tests.local.sessions import PATIENCE_S, executions, invoke, live_instances, wait_until

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant. Answer briefly."


@pytest.fixture
def month(cloud: Cloud) -> Iterator[dict[str, dict[str, str]]]:
    """The key of this month's total; what a test puts there is gone afterwards. What is committed begins anew with it,
    before and after: a month's first reservation begins with its ledger."""
    month = f"{datetime.now(UTC):%Y-%m}"
    key, committed = (
        {name: {"S": value} for name, value in one.items()}
        for one in (keys.ledger_total_key(month), keys.purse_total_key(month))
    )
    delete = cloud.emulator.client("dynamodb").delete_item
    delete(TableName=cloud.stack["TableName"], Key=committed)
    yield key
    for one in (key, committed):
        delete(TableName=cloud.stack["TableName"], Key=one)


def spend(cloud: Cloud, month: dict[str, dict[str, str]], usd: float) -> None:
    item = {**month, "spent_usd": {"N": str(usd)}}
    cloud.emulator.client("dynamodb").put_item(TableName=cloud.stack["TableName"], Item=item)


def test_session_has_its_price_and_the_month_its_cost(
    cloud: Cloud, person: Person, month: dict[str, dict[str, str]]
) -> None:
    session_id, _ = person.start_session()
    wait_until(
        lambda: (person.call("GET", f"/sessions/{session_id}")["spend"] or {}).get("gpu_usd_per_hour"), "a price"
    )
    usage = person.call("GET", "/usage")
    (live,) = usage["live"]
    assert live["session_id"] == session_id
    assert 0 < live["usd"] < usage["caps"]["session_usd"]
    person.end_session(session_id)
    session = person.call("GET", f"/sessions/{session_id}")
    after = person.call("GET", "/usage")
    assert after["live"] == []
    assert after["spent_usd"] - usage["spent_usd"] == pytest.approx(session["receipt"]["total_usd"], abs=1e-6)
    assert session["receipt"]["price_per_hour_usd"] == session["spend"]["gpu_usd_per_hour"]
    diary = {(one["instance_type"], one["availability_zone"]): one for one in after["capacity"]}
    assert diary[session["instance"]["type"], session["instance"]["availability_zone"]]["bought_at"]


def test_month_at_its_cap_refuses_sessions_and_messages(
    cloud: Cloud, person: Person, month: dict[str, dict[str, str]]
) -> None:
    conversation = person.converse(SYSTEM)
    before = executions(cloud)
    spend(cloud, month, 20)
    for path, body in (("/sessions", {}), (f"/conversations/{conversation}/messages", {"content": "Hello?"})):
        answer = person.http.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (402, "spend_cap_reached")
        assert "MonthlyCapUsd" in answer.json()["error"]["message"]
    assert person.call("GET", f"/conversations/{conversation}/messages")["data"] == []
    assert executions(cloud) == before


def test_scheduled_start_at_the_cap_starts_nothing_and_people_are_told(
    cloud: Cloud, month: dict[str, dict[str, str]]
) -> None:
    spend(cloud, month, 20)
    before = executions(cloud)
    at = unique("2026-01-01T04:30:00Z")
    answer = invoke(cloud, "StartScheduledSession", {"scheduled_at": at})
    assert answer == {"session_id": None, "started": False, "skipped": "spend_cap_reached"}
    mail = cloud.inbox.wait_for(at, PATIENCE_S)
    assert mail is not None and "SpendCapReached" in mail["subject"] and "MonthlyCapUsd" in mail["message"]
    assert executions(cloud) == before
    assert live_instances(cloud) == []


def test_running_session_ends_at_the_cap_with_notice(
    cloud: Cloud, person: Person, month: dict[str, dict[str, str]]
) -> None:
    """The month is nearly used up: its session gets what is left as its own cap, and that is lowered to less than the
    first minute of a GPU costs."""
    spend(cloud, month, 19.9)
    session_id = person.call("POST", "/sessions", {})["id"]
    assert person.call("GET", "/usage")["left_usd"] == 0
    cloud.emulator.client("dynamodb").update_item(
        TableName=cloud.stack["TableName"],
        Key={name: {"S": value} for name, value in keys.session_key(session_id).items()},
        UpdateExpression="SET session_cap_usd = :cap ADD version :one",
        ExpressionAttributeValues={":cap": {"N": "0.0001"}, ":one": {"N": "1"}},
    )

    def over() -> bool:
        return person.call("GET", f"/sessions/{session_id}")["status"] in ("ended", "failed")

    wait_until(over, "the session ends at its cap")
    session = person.call("GET", f"/sessions/{session_id}")
    assert session["spend"]["notice"] == 100
    assert session["outcome"] == "spend_cap" or session["error"]["code"] == "SpendCapReached"
    wait_until(lambda: live_instances(cloud) == [], "no instance is left")
    assert cloud.inbox.wait_for("100 %", PATIENCE_S), "people were told"
