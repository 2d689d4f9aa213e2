"""The reaper, against moto's EC2."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.ec2 import SESSION_TAG, STACK_TAG, Fleet, GpuInstance
from foreverus.aws.sns import SnsTopic
from foreverus.aws.step_functions import StepFunctionsMachine
from foreverus.metrics import Metrics
from foreverus.notifications.notification import Notification, TopicNotifier
from foreverus.notifications.outbox import OutboxStore, Subject
from foreverus.sessions.closing import Successor
from foreverus.sessions.reaping import NotAllReaped, Reaper, why_reap
from foreverus.sessions.records import Outcome, Session, SessionEnd, SessionStatus, Trigger
from foreverus.sessions.store import SessionStore
from foreverus.settings.parts import SessionCloserSettings
from tests.unit.conftest import NOW, Aws, session_item, session_record
from tests.unit.sessions.test_closing import Machine, Waiting, closer


class Executions:
    def __init__(self, *running: str):
        self.running = set(running)
        self.errors: dict[str, str] = {}

    def is_running(self, session_id: str) -> bool:
        return session_id in self.running

    def error(self, session_id: str) -> str:
        return self.errors.get(session_id, "")


def buy(session_id: str, stack: str = "foreverus") -> str:
    tags = [{"Key": SESSION_TAG, "Value": session_id}, {"Key": STACK_TAG, "Value": stack}]
    bought = boto3.client("ec2").run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=[{"ResourceType": "instance", "Tags": tags}]
    )
    return str(bought["Instances"][0]["InstanceId"])


def unsent(aws: Aws) -> list[str]:
    return [entry.name for entry in OutboxStore(aws.items).entries(Subject.SESSIONS)]


def state(instance_id: str) -> str:
    found = boto3.client("ec2").describe_instances(InstanceIds=[instance_id])
    return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])


def reaper(aws: Aws, executions: Executions, later: timedelta = timedelta(minutes=5)) -> Reaper:
    topic = boto3.client("sns").list_topics()["Topics"][0]["TopicArn"]
    return Reaper(
        gpus=Fleet(boto3.client("ec2"), "foreverus"),
        executions=executions,
        sessions=SessionStore(aws.items),
        closer=bootstrap.session_ends.session_closer(
            SessionCloserSettings(
                aws.items.name, aws.gpu_session_arn, 20.0, 4.0, 1, "https://push", "none", "", "/machines"
            )
        ),
        outbox=OutboxStore(aws.items),
        notifier=TopicNotifier(SnsTopic(boto3.client("sns"), topic)),
        metrics=Metrics("foreverus"),
        most=timedelta(hours=4),
        clock=lambda: datetime.now(UTC) + later,
    )


def test_an_instance_whose_execution_was_aborted_goes_at_once_and_people_hear_of_it(aws: Aws) -> None:
    instance_id = buy("ses_1")
    aws.put(**session_item("ses_1", instance_id=instance_id))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    assert reaper(aws, Executions(), later=timedelta()).session_ended("ses_1") == [instance_id]
    assert state(instance_id) in ("shutting-down", "terminated")
    record = aws.items.get(keys.session_key("ses_1")) or {}
    assert (record["status"], record["error"]) == ("failed", "SessionLost")
    assert aws.items.get(keys.GPU_SLOT) is None
    assert any(instance_id in message["Body"] for message in aws.notifications())


def test_people_hear_of_a_session_that_was_cut_off_with_no_instance_left(aws: Aws) -> None:
    aws.put(**session_item("ses_1"))
    assert reaper(aws, Executions(), later=timedelta()).session_ended("ses_1") == []
    (notification,) = aws.notifications()
    assert "ses_1" in notification["Body"] and "SessionLost" in notification["Body"]


AT = ids.timestamp(NOW)
END = SessionEnd(status=SessionStatus.ENDED, outcome=Outcome.IDLE, terminated_at=AT, ended_at=AT)


def close(aws: Aws, session_id: str) -> None:
    """What its execution does before it notifies people."""
    aws.put(**session_item(session_id))
    SessionStore(aws.items).close(session_record(session_id), END, 0.0)


@pytest.mark.parametrize("notified", [False, True])
def test_an_execution_that_was_cut_off_between_its_last_steps_is_told_in_its_place(aws: Aws, notified: bool) -> None:
    close(aws, "ses_1")
    if notified:
        OutboxStore(aws.items).remove(Subject.SESSIONS, "ses_1")
    for _ in range(2):
        reaper(aws, Executions(), later=timedelta()).session_ended("ses_1")
    sent = aws.notifications()
    assert len(sent) == (0 if notified else 1)
    assert all("ses_1" in notification["Body"] and "idle" in notification["Body"] for notification in sent)


def test_the_sweep_tells_what_nobody_heard_of(aws: Aws) -> None:
    """The execution was cut off, and its event was lost too."""
    for session_id in ("ses_1", "ses_2", "ses_3"):
        close(aws, session_id)
    aws.items.delete(keys.session_key("ses_3"))
    reaper(aws, Executions("ses_2"), later=timedelta()).sweep()
    (notification,) = aws.notifications()
    assert "ses_1" in notification["Body"]
    assert unsent(aws) == ["ses_2"], "its execution does it itself"


def test_a_session_that_was_told_is_not_told_again_when_it_is_closed_again(aws: Aws) -> None:
    close(aws, "ses_1")
    OutboxStore(aws.items).remove(Subject.SESSIONS, "ses_1")
    assert not SessionStore(aws.items).close(session_record("ses_1"), END, 0.0)
    assert unsent(aws) == []


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
    assert (metric["OrphanMinutes"], metric["stack"]) == (5.0, "foreverus")
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("ForeverUs", [["stack"]])


def test_the_sweep_leaves_a_running_session_and_other_stacks_alone(aws: Aws) -> None:
    ours, others = buy("ses_1"), buy("ses_2", stack="another")
    assert reaper(aws, Executions("ses_1")).sweep() == []
    assert (state(ours), state(others)) == ("running", "running")


def protect(instance_id: str, protection: bool = True) -> None:
    """EC2 refuses to terminate such an instance: OperationNotPermitted."""
    boto3.client("ec2").modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": protection})


def test_an_instance_that_ec2_does_not_let_go_keeps_no_other_alive(aws: Aws) -> None:
    stubborn, others = buy("ses_1"), [buy("ses_2"), buy("ses_3")]
    protect(stubborn)
    for session_id, slot in (("ses_1", 0), ("ses_2", 1)):
        aws.put(**session_item(session_id, slot=slot, created_at="2026-01-01T00:00:00.000Z"))
        aws.put(**keys.gpu_slot_key(slot), session_id=session_id)
    with pytest.raises(NotAllReaped, match=f"{stubborn}.*OperationNotPermitted"):
        reaper(aws, Executions()).sweep()
    assert [state(one) for one in (stubborn, *others)] == ["running", "terminated", "terminated"]
    (notification,) = [one["Body"] for one in aws.notifications() if "had to be ended" in one["Body"]]
    assert all(one in notification for one in others) and stubborn not in notification
    # Its session is not over while it costs money: a second GPU would be bought beside it. The others are.
    assert (aws.items.get(keys.session_key("ses_1")) or {})["status"] == "serving"
    assert aws.items.get(keys.gpu_slot_key(0)) is not None
    assert (aws.items.get(keys.session_key("ses_2")) or {})["status"] == "failed"
    assert aws.items.get(keys.gpu_slot_key(1)) is None
    protect(stubborn, False)
    assert reaper(aws, Executions()).sweep() == [stubborn]
    assert aws.items.get(keys.gpu_slot_key(0)) is None


def test_a_session_is_closed_when_the_last_of_its_instances_is_gone(aws: Aws) -> None:
    first, second = buy("ses_1"), buy("ses_1")
    aws.put(**session_item("ses_1"))
    protect(first)
    with pytest.raises(NotAllReaped):
        reaper(aws, Executions()).session_ended("ses_1")
    assert (state(first), state(second)) == ("running", "terminated")
    assert (aws.items.get(keys.session_key("ses_1")) or {})["status"] == "serving"
    protect(first, False)
    assert reaper(aws, Executions()).session_ended("ses_1") == [first]
    assert (aws.items.get(keys.session_key("ses_1")) or {})["status"] == "failed"


def test_an_instance_whose_session_tag_somebody_took_away_is_nobodys(aws: Aws) -> None:
    instance_id = buy("ses_1")
    boto3.client("ec2").delete_tags(Resources=[instance_id], Tags=[{"Key": SESSION_TAG}])
    assert reaper(aws, Executions("ses_1")).sweep() == [instance_id]


def test_not_knowing_whether_a_session_runs_ends_no_session_and_keeps_no_orphan_alive(aws: Aws) -> None:
    class Throttled(Executions):
        def is_running(self, session_id: str) -> bool:
            if session_id == "ses_1":
                raise TimeoutError("throttled")
            return super().is_running(session_id)

    unknown, orphan = buy("ses_1"), buy("ses_2")
    aws.put(**session_item("ses_1", created_at="2026-01-01T00:00:00.000Z"))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    with pytest.raises(NotAllReaped, match="throttled"):
        reaper(aws, Throttled()).sweep()
    assert (state(unknown), state(orphan)) == ("running", "terminated")
    assert (aws.items.get(keys.session_key("ses_1")) or {})["status"] == "serving"
    assert aws.items.get(keys.GPU_SLOT) is not None


def test_a_slot_is_not_freed_beside_an_instance_that_lives(aws: Aws) -> None:
    """The execution ended just now, and its instance is younger than the grace: the next sweep sees to both."""
    instance_id = buy("ses_1")
    aws.put(**session_item("ses_1", created_at="2026-01-01T00:00:00.000Z"))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    assert reaper(aws, Executions(), later=timedelta()).sweep() == []
    assert aws.items.get(keys.GPU_SLOT) is not None
    assert reaper(aws, Executions()).sweep() == [instance_id]
    assert aws.items.get(keys.GPU_SLOT) is None


def test_people_who_cannot_be_told_keep_no_session_open(aws: Aws) -> None:
    class Down:
        def send(self, notification: Notification) -> None:
            raise TimeoutError("SNS is down")

    instance_id = buy("ses_1")
    aws.put(**session_item("ses_1", instance_id=instance_id))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    with pytest.raises(NotAllReaped):
        replace(reaper(aws, Executions()), notifier=Down()).sweep()
    assert state(instance_id) == "terminated"
    assert aws.items.get(keys.GPU_SLOT) is None
    reaper(aws, Executions()).sweep()
    (notification,) = aws.notifications()
    assert "SessionLost" in notification["Body"], "the next sweep tells them"


@pytest.mark.parametrize("name", ["", "ses_unknown", "a name with spaces", "ünï/cøde"])
def test_a_name_that_no_execution_has_does_not_run(aws: Aws, name: str) -> None:
    assert StepFunctionsMachine(boto3.client("stepfunctions"), aws.gpu_session_arn).is_running(name) is False


def test_nothing_outlives_the_maximum_life_even_with_a_running_execution(aws: Aws) -> None:
    instance_id = buy("ses_1")
    assert reaper(aws, Executions("ses_1"), later=timedelta(hours=5)).sweep() == [instance_id]


def test_a_slot_without_an_execution_is_freed(aws: Aws) -> None:
    aws.put(**session_item("ses_1", created_at="2026-01-01T00:00:00.000Z"))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    reaper(aws, Executions()).sweep()
    assert aws.items.get(keys.GPU_SLOT) is None


@pytest.mark.parametrize(
    ("age", "running", "reaped"),
    [(30, False, False), (61, False, True), (61, True, False), (14401, True, True), (14401, False, True)],
)
def test_when_an_instance_is_an_orphan(age: int, running: bool, reaped: bool) -> None:
    gpu = GpuInstance("i-1", "ses_1", NOW - timedelta(seconds=age))
    assert bool(why_reap(gpu, running, NOW, timedelta(hours=4))) == reaped


def test_a_session_that_ends_with_its_stack_gets_no_successor(aws: Aws) -> None:
    """Somebody's message came when nothing could be rejected any more, or just then: who would end its GPU?"""
    for error, successors in (("", 1), ("StackDeleted", 0)):
        session_id = f"ses_{error or 'lost'}"
        aws.put(**session_item(session_id))
        aws.put(**keys.GPU_SLOT, session_id=session_id)
        executions = Executions()
        executions.errors[session_id] = error
        machine = Machine()
        late = closer(aws, machine, waiting=Late(Successor("ana", Trigger.MESSAGE, False)))
        replace(reaper(aws, executions, later=timedelta()), closer=late).session_ended(session_id)
        record = aws.items.get(keys.session_key(session_id)) or {}
        assert record["error"] == (error or "SessionLost")
        assert len(machine.started) == successors
        aws.items.delete(keys.GPU_SLOT)


class Late(Waiting):
    """What waits came after everything was rejected."""

    def successor(self, ended: Session) -> Successor | None:
        return self.wanted
