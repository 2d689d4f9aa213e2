"""A session and a batch that nobody started by hand: the scheduler's events, as the template sends them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.cloud import trust, unique
from tests.local.batches import jsonl, questions
from tests.local.sessions import OVER, end_every_session, live_instances, wait_until
from tests.template.template import resources, substitute

pytestmark = pytest.mark.cloud


def test_a_scheduled_session_serves_and_ends_like_any_other(cloud: Cloud) -> None:
    with Person(cloud.outputs) as person:
        end_every_session(person)  # a scheduled start leaves everything to a session that is live
    schedule = resources("AWS::Scheduler::Schedule")["Schedule"]
    scheduler, iam = cloud.emulator.client("scheduler"), cloud.emulator.client("iam")
    name = unique("nightly")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("scheduler"))["Role"]["Arn"]
    start = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": cloud.stack["GpuSessionArn"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [start]})
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=document)
    soon = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%S")
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


def test_a_scheduled_batch_takes_each_new_file_once(cloud: Cloud) -> None:
    """The same prefix twice: a new file, and nothing new. No file is run twice."""
    prefix = f"inputs/{unique('nightly')}/"
    file = {"Bucket": cloud.stack["DataBucket"], "Key": f"{prefix}a.jsonl"}
    cloud.emulator.client("s3").put_object(**file, Body=jsonl(questions(3)))
    with Person(cloud.outputs) as person:
        run_the_schedule(cloud, prefix)
        wait_until(lambda: batches(person, prefix), "the scheduled batch is there")
        (batch,) = batches(person, prefix)
        wait_until(lambda: batches(person, prefix)[0]["status"] == "completed", "it is answered", 180)
        assert cloud.inbox.wait_for(str(batch["id"]), 20)
        run_the_schedule(cloud, prefix)
        assert cloud.inbox.wait_for("There is no new file.", 20)
        assert len(batches(person, prefix)) == 1
        end_every_session(person)
    assert live_instances(cloud) == []


def run_the_schedule(cloud: Cloud, prefix: str) -> None:
    """Once, in two seconds."""
    (function,) = [
        one["FunctionArn"]
        for page in cloud.emulator.client("lambda").get_paginator("list_functions").paginate()
        for one in page["Functions"]
        if "StartScheduledBatch" in one["FunctionName"]
    ]
    event = resources("AWS::Scheduler::Schedule")["ScheduledBatch"]["Target"]["Input"]["Fn::Sub"]
    values = {"BatchScheduleInput": prefix, "BatchScheduleOverlap": "false"}
    iam, name = cloud.emulator.client("iam"), unique("nightly")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("scheduler"))["Role"]["Arn"]
    start = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
    document = json.dumps({"Version": "2012-10-17", "Statement": [start]})
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=document)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    cloud.emulator.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": function, "RoleArn": role, "Input": substitute(event, values)},
    )


def batches(person: Person, prefix: str) -> list[dict[str, object]]:
    found = person.call("GET", "/batches")["data"]
    return [batch for batch in found if prefix in batch["input_file_id"]]
