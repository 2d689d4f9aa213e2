"""AWS has no GPU to sell. Bedrock answers what waits; the session says that it failed, and why, and what it cost."""

from collections.abc import Iterator
from typing import Any

import pytest

from foreverus.costs.database import wake_usd
from foreverus.costs.prices import bedrock_price
from local import history
from local.cloud import Cloud
from local.emulator import REGION
from local.patches.ec2_fleet import SOLD_OUT
from local.person import Person
from tests.cloud import policy
from tests.local.sessions import PATIENCE_S, executions, live_instances, states_of, wait_until

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


@pytest.mark.usefixtures("no_gpu")
def test_bedrock_answers_and_the_session_still_says_that_there_was_no_gpu(cloud: Cloud, person: Person) -> None:
    before = person.call("GET", "/usage")["spent_usd"]
    conversation = person.converse(SYSTEM)
    person.ask(conversation, "What is the capital of France?", 40)
    answer = person.wait_for("message")[1]["message"]
    assert (answer["status"], answer["backend"]) == ("answered", "bedrock")
    assert "Paris" in answer["content"]
    assert person.call("GET", f"/conversations/{conversation}/messages")["data"][1] == answer

    session = failed_session(cloud, person)
    assert (session["status"], session["error"]["code"]) == ("failed", "NoGpuCapacity")
    assert states_of(cloud, session["id"])[-8:] == [
        "Answer on Bedrock",
        *(
            "Close session",
            "Store results",
            "Is there anything to tell?",
            "Notify",
            "Mark as notified",
            "Did it end well?",
            "Session failed",
        ),
    ]
    assert live_instances(cloud) == [] and answer["session_id"] == session["id"]
    receipt, used = session["receipt"], answer["usage"]
    usd = bedrock_price(MODEL, REGION).usd(used["prompt_tokens"], used["completion_tokens"])
    assert receipt["bedrock_usd"] == pytest.approx(usd, abs=1e-6) and receipt["bedrock_usd"] > 0
    assert receipt["database_usd"] == round(wake_usd(), 6)
    assert receipt["total_usd"] == pytest.approx(receipt["bedrock_usd"] + receipt["database_usd"], abs=2e-6)
    assert (receipt["messages"], receipt["bedrock_messages"]) == (1, 1)
    assert receipt["completion_tokens"] == used["completion_tokens"]
    assert person.call("GET", "/usage")["spent_usd"] - before == pytest.approx(receipt["total_usd"], abs=1e-6)
    assert [float(value) for value in receipt_row(cloud, session["id"])] == [
        receipt[name] for name in ("bedrock_usd", "database_usd", "total_usd")
    ]
    mail = cloud.inbox.wait_for(session["id"], PATIENCE_S)
    assert "1 message was answered on Bedrock" in str(mail) and "NoGpuCapacity" in str(mail)


@pytest.mark.usefixtures("no_gpu")
def test_message_that_bedrock_may_not_answer_ends_in_the_launchs_error(cloud: Cloud, person: Person) -> None:
    functions = cloud.emulator.client("lambda").get_paginator("list_functions").paginate()
    (role,) = [one["Role"] for page in functions for one in page["Functions"] if "AnswerChats" in one["FunctionName"]]
    name, iam = role.rpartition("/")[2], cloud.emulator.client("iam")
    denied = policy({"Action": "bedrock:*", "Resource": "*"}).replace('"Allow"', '"Deny"')
    iam.put_role_policy(RoleName=name, PolicyName="no-bedrock", PolicyDocument=denied)
    try:
        person.ask(person.converse(SYSTEM), "What is the capital of France?", 40)
        answer = person.wait_for("message")[1]["message"]
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="no-bedrock")
    assert (answer["status"], answer["error"]["code"]) == ("failed", "NoGpuCapacity")
    session = failed_session(cloud, person)
    assert session["error"]["code"] == "NoGpuCapacity" and session["receipt"]["total_usd"] == round(wake_usd(), 6)
    assert "Answer on Bedrock" in states_of(cloud, session["id"])
