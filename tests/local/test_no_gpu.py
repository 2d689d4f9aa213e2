"""AWS has no GPU to sell. Bedrock answers what waits; the session says that it failed, and why, and what it cost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.costs.database import wake_usd
from foreverus.costs.prices import bedrock_price
from local import history
from local.cloud import Cloud
from local.emulator import REGION
from local.patches.ec2_fleet import SOLD_OUT
from local.person import Person
from tests.local.sessions import executions, live_instances, states_of, wait_until

pytestmark = pytest.mark.cloud

MODEL = "mistral.mistral-7b-instruct-v0:2"
SYSTEM = "You are a helpful assistant. Answer briefly."


@pytest.fixture
def no_gpu(cloud: Cloud) -> Iterator[None]:
    """Every pool is sold out."""
    ec2 = cloud.emulator.client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    ec2.create_tags(Resources=subnets, Tags=[{"Key": SOLD_OUT, "Value": ""}])
    yield
    ec2.delete_tags(Resources=subnets, Tags=[{"Key": SOLD_OUT}])


def failed_session(cloud: Cloud, person: Person) -> dict[str, Any]:
    session_id = person.call("GET", "/sessions")["data"][0]["id"]
    wait_until(lambda: executions(cloud)[session_id] == "FAILED", "the execution ends in Fail")
    return person.call("GET", f"/sessions/{session_id}")


def receipt_row(cloud: Cloud, session_id: str) -> list[str]:
    """What PostgreSQL has of it."""
    (row,) = history.rows(
        cloud,
        "SELECT bedrock_usd::text, database_usd::text, total_usd::text FROM receipts WHERE session_id = :id",
        id=session_id,
    )
    return row


@pytest.fixture
def bedrock_refused(cloud: Cloud) -> Iterator[None]:
    """Lately, so that `auto` sends a message to the GPU."""
    table = cloud.emulator.client("dynamodb")
    where = {"TableName": cloud.stack["TableName"]}
    key = {name: {"S": value} for name, value in keys.bedrock_throttled_key().items()}
    until = {"S": ids.timestamp(datetime.now(UTC) + timedelta(minutes=10))}
    table.put_item(**where, Item={**key, "until": until})
    yield
    table.delete_item(**where, Key=key)


@pytest.mark.usefixtures("no_gpu", "bedrock_refused")
def test_bedrock_answers_and_the_session_still_says_that_there_was_no_gpu(cloud: Cloud, person: Person) -> None:
    before = person.call("GET", "/usage")["spent_usd"]
    conversation = person.converse(SYSTEM)
    person.ask(conversation, "What is the capital of France?", 40, "auto")
    answer = person.wait_for("message")[1]["message"]
    assert (answer["status"], answer["backend"], answer["moved_from"]) == ("answered", "bedrock", "gpu"), answer
    assert "Paris" in answer["content"] and answer["choice"]["reason"] == "bedrock_throttled"
    assert person.call("GET", f"/conversations/{conversation}/messages")["data"][1] == answer

    session = failed_session(cloud, person)
    assert (session["status"], session["error"]["code"]) == ("failed", "NoGpuCapacity")
    entered = states_of(cloud, session["id"])
    assert entered[entered.index("Answer on Bedrock") + 1 :][:2] == ["Close session", "Store results"]
    assert entered[-1] == "Session failed"
    assert live_instances(cloud) == [] and "session_id" not in answer
    receipt, used = session["receipt"], answer["usage"]
    assert receipt["total_usd"] == receipt["database_usd"] == round(wake_usd(), 6)
    usd = bedrock_price(MODEL, REGION).usd(used["prompt_tokens"], used["completion_tokens"])
    assert usd and person.call("GET", "/usage")["spent_usd"] - before == pytest.approx(wake_usd() + usd, abs=2e-6)
    assert [float(value) for value in receipt_row(cloud, session["id"])] == [
        receipt[name] for name in ("bedrock_usd", "database_usd", "total_usd")
    ]


@pytest.mark.usefixtures("no_gpu")
def test_message_that_asks_for_the_gpu_by_name_ends_in_the_launchs_error(cloud: Cloud, person: Person) -> None:
    person.ask(person.converse(SYSTEM), "What is the capital of France?", 40, "gpu")
    answer = person.wait_for("message")[1]["message"]
    assert (answer["status"], answer["error"]["code"]) == ("failed", "NoGpuCapacity")
    session = failed_session(cloud, person)
    assert session["error"]["code"] == "NoGpuCapacity" and session["receipt"]["total_usd"] == round(wake_usd(), 6)
    (refused,) = (one for one in session["events"] if one["state"] == "refused")
    assert (refused["error"], refused["lifecycle"]) == ("NoGpuCapacity", "spot")
    zones = {one["availability_zone"] for one in refused["refused"]}
    assert zones and "unknown" not in zones
    assert "Answer on Bedrock" in states_of(cloud, session["id"])
