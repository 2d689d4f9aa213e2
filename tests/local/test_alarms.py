"""Alarms on the laptop's cloud: real trouble, the metrics that the deployed functions wrote into their logs, the
verdict that CloudWatch would come to (tests/alarm_state.py), and the mail that people get of it by the emulator."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from foreverus.doctor.names import ALARM_PAGES, ALARMS
from local.cloud import Cloud
from local.emulator import Emulator
from local.person import Person
from tests.alarm_state import Measured, alarms, state
from tests.cloud import unique
from tests.local.sessions import invoke, wait_until
from tests.local.test_doctor import physical

pytestmark = pytest.mark.cloud
PATIENCE_S = 300.0


def said(cloud: Cloud, log_group: str) -> Measured:
    """What CloudWatch would make of a log group of the stack."""
    pages = cloud.emulator.client("logs").get_paginator("filter_log_events")
    events = [one["message"] for page in pages.paginate(logGroupName=log_group) for one in page["events"]]
    lines = [line for event in events for line in event.splitlines() if '"CloudWatchMetrics"' in line]
    assert all(line.startswith("{") for line in lines), "a whole line, or CloudWatch does not see it"
    return Measured().read(lines)


@contextmanager
def told(cloud: Cloud, name: str, measured: Measured) -> Iterator[dict[str, Any]]:
    """The alarm goes off by what was measured, and people get a mail of it; its text."""
    watch, alarm = cloud.emulator.client("cloudwatch"), physical(cloud, name)
    stack = cloud.outputs["stack_name"]
    verdict = state(alarms(**{"AWS::StackName": stack})[name], measured, time.time())
    assert verdict == "ALARM"
    watch.set_alarm_state(AlarmName=alarm, StateValue=verdict, StateReason="as CloudWatch would find")
    try:
        mail = cloud.inbox.wait_for(f'"AlarmName": "{alarm}"', PATIENCE_S)
        assert mail, f"no mail of {name}"
        yield json.loads(mail["message"])
    finally:
        watch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="the test is over")


def test_an_orphan_that_the_reaper_ended_is_told_with_the_page_that_says_what_to_do(cloud: Cloud) -> None:
    stack, session = cloud.outputs["stack_name"], unique("ses")
    tags: Any = [{"Key": "foreverus:stack", "Value": stack}, {"Key": "foreverus:session", "Value": session}]
    cloud.emulator.client("ec2").run_instances(
        ImageId="ami-12345678",
        InstanceType="g6.xlarge",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    event = {"detail-type": "Step Functions Execution Status Change", "detail": {"name": session}}
    assert len(invoke(cloud, "ReapGpusFunction", event)["reaped"]) == 1
    with told(cloud, "ReaperHadToAct", said(cloud, physical(cloud, "ReapGpusLog"))) as mail:
        assert mail["AlarmDescription"].endswith(f"See {ALARM_PAGES}, ReaperHadToAct.")


def test_a_dead_letter_is_told(cloud: Cloud) -> None:
    sqs, queue = cloud.emulator.client("sqs"), physical(cloud, "ScheduleDeadLetters")
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    try:
        invoke(cloud, "SweepFunction", {})
        with told(cloud, "DeadLetters", said(cloud, physical(cloud, "SweepLog"))):
            pass
    finally:
        sqs.purge_queue(QueueUrl=queue)


def test_an_answer_of_the_gpu_is_measured_by_its_worker_and_of_bedrock_by_its_function(
    cloud: Cloud, person: Person
) -> None:
    """Each in the log from which CloudWatch reads it, under its own role, and once."""
    for backend, log in (("bedrock", "AnswerConversationLog"), ("gpu", "MachineLog")):
        before = len(answered(cloud, log, backend))
        conversation = person.converse("Be brief.", title="A test")
        person.ask(conversation, "Say hi", 8, backend=backend)
        wait_until(lambda: status(person, conversation) == "answered", f"{backend} answers")  # noqa: B023
        if backend == "gpu":
            (live,) = [one for one in person.call("GET", "/sessions")["data"] if one["status"] == "serving"]
            person.call("DELETE", f"/sessions/{live['id']}")  # its last lines come with its end
        wait_until(lambda: len(answered(cloud, log, backend)) > before, f"{backend} is measured")  # noqa: B023
        assert len(answered(cloud, log, backend)) == before + 1


def status(person: Person, conversation: str) -> str:
    return str(person.call("GET", f"/conversations/{conversation}/messages")["data"][-1]["status"])


def answered(cloud: Cloud, log: str, backend: str) -> list[float]:
    points = said(cloud, physical(cloud, log)).points
    where = frozenset({("stack", cloud.outputs["stack_name"]), ("backend", backend)})
    return [value for _, value in points.get(("ForeverUs", "AnswerSeconds", where), ())]


@pytest.mark.parametrize("name", ALARMS)
def test_each_alarm_reaches_the_topic_that_people_read(cloud: Cloud, name: str) -> None:
    """That each goes off by the trouble that it is there for, tests/unit/test_alarms.py holds."""
    found = cloud.emulator.client("cloudwatch").describe_alarms(AlarmNames=[physical(cloud, name)])["MetricAlarms"]
    assert [one["AlarmActions"] for one in found] == [[cloud.stack["TopicArn"]]]


EXPRESSION = {
    "Resources": {
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Metrics": [
                    {
                        "Id": "a",
                        "ReturnData": False,
                        "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"},
                    },
                    {"Id": "b", "Expression": "MAX([a])", "ReturnData": True},
                ],
                "EvaluationPeriods": 1,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanThreshold",
            },
        }
    }
}


def made(emulator: Emulator) -> str:
    formation, name = emulator.client("cloudformation"), unique("expression")
    formation.create_stack(StackName=name, TemplateBody=json.dumps(EXPRESSION))
    found = lambda: str(formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])  # noqa: E731
    wait_until(lambda: not found().endswith("IN_PROGRESS"), "the stack rests")
    return found()


def test_a_template_may_have_an_alarm_on_an_expression(emulator: Emulator) -> None:
    assert made(emulator) == "CREATE_COMPLETE"


def test_the_unpatched_emulator_refuses_an_alarm_on_an_expression(unpatched: Emulator) -> None:
    assert made(unpatched) == "ROLLBACK_COMPLETE"
