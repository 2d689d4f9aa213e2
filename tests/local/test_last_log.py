"""A machine whose worker did not end well leaves its last lines in CloudWatch Logs, under its own role."""

from pathlib import Path

import pytest

from local.cloud import Cloud
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests.local.sessions import live_instances, wait_until
from tests.local.test_permissions import denied

pytestmark = pytest.mark.cloud


def dead_machine(cloud: Cloud, person: Person) -> tuple[str, str]:
    """Session and instance; the worker was killed and the machine is gone."""
    session_id, _ = person.start_session()
    wait_until(lambda: person.call("GET", f"/sessions/{session_id}")["status"] == "serving", "the session serves")
    (instance_id,) = live_instances(cloud)
    faults.kill(Places(Path(cloud.state.directory)), instance_id, "worker")
    wait_until(lambda: instance_id not in live_instances(cloud), "the machine is off")
    return session_id, instance_id


def kept(cloud: Cloud, session_id: str, instance_id: str) -> list[str]:
    found = cloud.emulator.client("logs").get_log_events(
        logGroupName=f"/foreverus/{cloud.outputs['stack_name']}/machines",
        logStreamName=f"{session_id}/{instance_id}",
        startFromHead=True,
    )
    return [one["message"] for one in found["events"]]


def test_last_lines_of_worker_and_engine_outlive_the_machine(cloud: Cloud, person: Person) -> None:
    session_id, instance_id = dead_machine(cloud, person)
    lines = kept(cloud, session_id, instance_id)
    begun = [line for line in lines if line.startswith('{"unit": "foreverus-worker"') and session_id in line]
    assert any(f"the worker begins on {instance_id}" in line for line in begun), lines
    assert any(line.startswith("foreverus-engine | ") for line in lines), lines


def test_without_the_permission_nothing_is_kept_and_the_machine_goes_all_the_same(cloud: Cloud, person: Person) -> None:
    with denied(cloud, "InstanceRole", "logs:PutLogEvents"):
        session_id, instance_id = dead_machine(cloud, person)
    said = Places(Path(cloud.state.directory)).logs / f"{instance_id}-last-log.log"
    assert "the log is not kept: " in said.read_text() and "AccessDenied" in said.read_text()
    assert kept(cloud, session_id, instance_id) == []
