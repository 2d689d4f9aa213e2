"""A session that nobody started by hand: the scheduler's event, as the template sends it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.cloud import trust, unique
from tests.local.sessions import OVER, end_every_session, live_instances, wait_until
from tests.template.template import resources

pytestmark = pytest.mark.cloud


def test_a_scheduled_session_serves_and_ends_like_any_other(cloud: Cloud) -> None:
    (schedule,) = resources("AWS::Scheduler::Schedule").values()
    scheduler, iam = cloud.emulator.client("scheduler"), cloud.emulator.client("iam")
    name = unique("nightly")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("scheduler"))["Role"]["Arn"]
    start = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": cloud.stack["GpuSessionArn"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [start]})
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=document)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": cloud.stack["GpuSessionArn"], "RoleArn": role, "Input": schedule["Target"]["Input"]},
    )
    with Person(cloud.outputs) as person:
        wait_until(lambda: scheduled(person), "the scheduled session is there")
        (session,) = scheduled(person)
        assert session["trigger"] == "schedule"
        wait_until(lambda: scheduled(person)[0]["status"] == "serving", "it serves")
        conversation = person.converse("You are a helpful assistant.")
        person.ask(conversation, "Say hello.", 8)
        _, frame = person.wait_for("message")
        assert frame["message"]["session_id"] == session["id"]
        end_every_session(person)
        assert person.call("GET", f"/sessions/{session['id']}")["receipt"]["total_usd"] > 0
    assert live_instances(cloud) == []
    scheduler.delete_schedule(Name=name)


def scheduled(person: Person) -> list[dict[str, object]]:
    sessions = person.call("GET", "/sessions")["data"]
    return [session for session in sessions if session["trigger"] == "schedule" and session["status"] not in OVER]
