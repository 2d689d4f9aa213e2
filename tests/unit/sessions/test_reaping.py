"""The reaper, against moto's EC2."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from foreverus import bootstrap, table
from foreverus.sessions.fleet import SESSION_TAG, STACK_TAG, Fleet
from foreverus.sessions.notifications import SnsTopic
from foreverus.sessions.reaping import GpuInstance, Reaper, why_reap
from foreverus.sessions.store import SessionStore
from foreverus.settings import SessionStartSettings
from tests.unit.conftest import NOW, Aws, session_item


class Executions:
    def __init__(self, *running: str):
        self.running = set(running)

    def is_running(self, session_id: str) -> bool:
        return session_id in self.running


def buy(session_id: str, stack: str = "foreverus") -> str:
    tags = [{"Key": SESSION_TAG, "Value": session_id}, {"Key": STACK_TAG, "Value": stack}]
    bought = boto3.client("ec2").run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=[{"ResourceType": "instance", "Tags": tags}]
    )
    return str(bought["Instances"][0]["InstanceId"])


def state(instance_id: str) -> str:
    found = boto3.client("ec2").describe_instances(InstanceIds=[instance_id])
    return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])


def reaper(aws: Aws, executions: Executions, later: timedelta = timedelta(minutes=5)) -> Reaper:
    topic = boto3.client("sns").list_topics()["Topics"][0]["TopicArn"]
    return Reaper(
        gpus=Fleet(boto3.client("ec2"), "foreverus"),
        executions=executions,
        sessions=SessionStore(aws.items),
        closer=bootstrap.sessions.session_closer(
            SessionStartSettings(aws.items.name, aws.gpu_session_arn, 20.0, 4.0, 1)
        ),
        notifications=SnsTopic(boto3.client("sns"), topic),
        count=bootstrap.sessions.count_reaped("foreverus"),
        most=timedelta(hours=4),
        clock=lambda: datetime.now(UTC) + later,
    )


def test_an_instance_whose_execution_was_aborted_goes_at_once_and_people_hear_of_it(aws: Aws) -> None:
    instance_id = buy("ses_1")
    aws.put(**session_item("ses_1", instance_id=instance_id))
    aws.put(**table.GPU_SLOT, session_id="ses_1")
    assert reaper(aws, Executions(), later=timedelta()).session_ended("ses_1") == [instance_id]
    assert state(instance_id) in ("shutting-down", "terminated")
    record = aws.items.get(table.session_key("ses_1")) or {}
    assert (record["status"], record["error"]) == ("failed", "SessionLost")
    assert aws.items.get(table.GPU_SLOT) is None
    assert any(instance_id in message["Body"] for message in aws.notifications())


def test_people_hear_of_a_session_that_was_cut_off_with_no_instance_left(aws: Aws) -> None:
    aws.put(**session_item("ses_1"))
    assert reaper(aws, Executions(), later=timedelta()).session_ended("ses_1", "ABORTED") == []
    (letter,) = aws.notifications()
    assert "ses_1" in letter["Body"] and "SessionLost" in letter["Body"]


@pytest.mark.parametrize(("status", "letters"), [("ABORTED", 1), ("TIMED_OUT", 1), ("FAILED", 0)])
def test_an_execution_that_was_cut_off_after_its_session_was_closed_may_have_told_nobody(
    aws: Aws, status: str, letters: int
) -> None:
    aws.put(**session_item("ses_1", status="ended"))
    reaper(aws, Executions(), later=timedelta()).session_ended("ses_1", status)
    assert len(aws.notifications()) == letters


def test_the_sweep_finds_an_orphan_that_the_table_knows_nothing_of(aws: Aws) -> None:
    instance_id = buy("ses_unknown")
    assert reaper(aws, Executions()).sweep() == [instance_id]
    assert reaper(aws, Executions()).sweep() == []


def test_it_is_a_metric_when_the_reaper_had_to_act_and_none_when_not(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    reaper(aws, Executions()).sweep()
    assert capsys.readouterr().out == ""
    buy("ses_unknown")
    reaper(aws, Executions()).sweep()
    (line,) = capsys.readouterr().out.splitlines()  # a whole line: with a logger's prefix CloudWatch would not see it
    metric = json.loads(line)
    assert (metric["ReapedInstances"], metric["stack"]) == (1, "foreverus")
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("ForeverUs", [["stack"]])


def test_the_sweep_leaves_a_running_session_and_other_stacks_alone(aws: Aws) -> None:
    ours, others = buy("ses_1"), buy("ses_2", stack="another")
    assert reaper(aws, Executions("ses_1")).sweep() == []
    assert (state(ours), state(others)) == ("running", "running")


def test_nothing_outlives_the_maximum_life_even_with_a_running_execution(aws: Aws) -> None:
    instance_id = buy("ses_1")
    assert reaper(aws, Executions("ses_1"), later=timedelta(hours=5)).sweep() == [instance_id]


def test_a_slot_without_an_execution_is_freed(aws: Aws) -> None:
    aws.put(**session_item("ses_1", created_at="2026-01-01T00:00:00.000Z"))
    aws.put(**table.GPU_SLOT, session_id="ses_1")
    reaper(aws, Executions()).sweep()
    assert aws.items.get(table.GPU_SLOT) is None


@pytest.mark.parametrize(
    ("age", "running", "reaped"),
    [(30, False, False), (61, False, True), (61, True, False), (14401, True, True), (14401, False, True)],
)
def test_when_an_instance_is_an_orphan(age: int, running: bool, reaped: bool) -> None:
    gpu = GpuInstance("i-1", "ses_1", NOW - timedelta(seconds=age))
    assert bool(why_reap(gpu, running, NOW, timedelta(hours=4))) == reaped
