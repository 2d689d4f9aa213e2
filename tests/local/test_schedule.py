"""A session and a batch that nobody started by hand: the scheduler's events, as the template sends them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.cloud import trust, unique
from tests.local.batches import jsonl, questions
from tests.local.sessions import OVER, PATIENCE_S, end_every_session, function_arn, live_instances, wait_until
from tests.template.template import resources, substitute

pytestmark = pytest.mark.cloud


def test_a_scheduled_session_serves_and_ends_like_any_other(cloud: Cloud) -> None:
    with Person(cloud.outputs) as person:
        end_every_session(person)  # a scheduled start joins a session that is live
        run_once(cloud, "StartScheduledSession", schedules()["ScheduledSession"]["Target"]["Input"])
        wait_until(lambda: scheduled(person), "the scheduled session is there")
        (session,) = scheduled(person)
        assert str(session["id"]).startswith("ses_")
        wait_until(lambda: scheduled(person)[0]["status"] == "serving", "it serves")
        conversation = person.converse("You are a helpful assistant.")
        person.ask(conversation, "Say hello.", 8)
        _, frame = person.wait_for("message")
        assert frame["message"]["session_id"] == session["id"]
        end_every_session(person)
        assert person.call("GET", f"/sessions/{session['id']}")["receipt"]["total_usd"] > 0
    assert live_instances(cloud) == []


def test_an_execution_that_somebody_starts_by_hand_is_refused_and_the_live_session_goes_on(cloud: Cloud) -> None:
    states = cloud.emulator.client("stepfunctions")
    with Person(cloud.outputs) as person:
        session_id, _ = person.start_session()
        (instance,) = live_instances(cloud)
        by_hand = states.start_execution(stateMachineArn=cloud.stack["GpuSessionArn"], name=unique("by-hand"))
        execution = by_hand["executionArn"]
        wait_until(lambda: states.describe_execution(executionArn=execution)["status"] == "FAILED", "it is refused")
        found = states.describe_execution(executionArn=execution)
        assert found["error"] == "SessionNotClaimed" and "POST /v1/sessions" in found["cause"]
        assert live_instances(cloud) == [instance]
        (live,) = [one for one in person.call("GET", "/sessions")["data"] if one["status"] not in OVER]
        assert live["id"] == session_id
        end_every_session(person)
    assert live_instances(cloud) == []


def scheduled(person: Person) -> list[dict[str, object]]:
    sessions = person.call("GET", "/sessions")["data"]
    return [session for session in sessions if session["trigger"] == "schedule" and session["status"] not in OVER]


def test_a_scheduled_batch_takes_each_new_file_once(cloud: Cloud) -> None:
    """The same prefix twice: a new file, and nothing new. No file is run twice."""
    prefix = f"inputs/{unique('nightly')}/"
    file = {"Bucket": cloud.stack["DataBucket"], "Key": f"{prefix}a.jsonl"}
    cloud.emulator.client("s3").put_object(**file, Body=jsonl(questions(3)))
    with Person(cloud.outputs) as person:
        run_the_schedule(cloud, prefix)
        wait_until(lambda: batches(person, prefix), "the scheduled batch is there")
        (batch,) = batches(person, prefix)
        wait_until(lambda: batches(person, prefix)[0]["status"] == "completed", "it is answered")
        assert cloud.inbox.wait_for(str(batch["id"]), PATIENCE_S)
        run_the_schedule(cloud, prefix)
        assert cloud.inbox.wait_for("There is no new file.", PATIENCE_S)
        assert len(batches(person, prefix)) == 1
        end_every_session(person)
    assert live_instances(cloud) == []


def run_the_schedule(cloud: Cloud, prefix: str) -> None:
    text = schedules()["ScheduledBatch"]["Target"]["Input"]["Fn::Sub"]
    values = {"BatchScheduleInput": prefix, "BatchScheduleOverlap": "false"}
    run_once(cloud, "StartScheduledBatch", substitute(text, values))


def schedules() -> dict[str, dict[str, Any]]:
    return resources("AWS::Scheduler::Schedule")


def run_once(cloud: Cloud, function: str, event: str) -> None:
    """The Scheduler calls the function in two seconds, with what the template says."""
    arn = function_arn(cloud, function)
    iam, name = cloud.emulator.client("iam"), unique("nightly")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("scheduler"))["Role"]["Arn"]
    start = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [start]})
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=document)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    cloud.emulator.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": arn, "RoleArn": role, "Input": event},
    )


def batches(person: Person, prefix: str) -> list[dict[str, object]]:
    found = person.call("GET", "/batches")["data"]
    return [batch for batch in found if prefix in batch["input_file_id"]]
