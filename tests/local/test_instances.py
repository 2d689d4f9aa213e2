"""The host against the emulator with IAM enforced: what happens to an instance happens to real processes."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.emulator import Emulator
from local.instances import faults
from tests.local.instance_lab import Lab, RunningHost, running_host, runs

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def host(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with running_host(emulator, tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def lab(emulator: Emulator) -> Lab:
    return Lab(emulator)


@pytest.fixture
def instance(lab: Lab, host: RunningHost) -> Iterator[str]:
    """A spot instance whose probe has seen a healthy engine."""
    instance_id = lab.launch()
    host.wait_for_report(instance_id, "healthy")
    yield instance_id
    lab.terminate(instance_id)


def is_off(host: RunningHost, lab: Lab, instance_id: str) -> bool:
    return lab.state(instance_id) == "terminated" and not host.places.machine(instance_id).exists()


def test_worker_finds_its_session_and_acts_under_the_instance_role(host: RunningHost, lab: Lab, instance: str) -> None:
    assert host.wait_for_report(instance, "session") == "ses_lab"
    assert f"assumed-role/{lab.role}/{instance}" in host.wait_for_report(instance, "arn")
    seen = host.wait_for_report(instance, "environment")
    assert not [
        name
        for name in seen
        if "ACCESS_KEY" in name or "SECRET" in name or ("TOKEN" in name and name != "CONTEXT_TOKENS")
    ]


def test_engine_of_the_machine_answers_a_prompt(host: RunningHost, instance: str) -> None:
    body = {
        "model": "lab",
        "max_tokens": 8,
        "messages": [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": "Say hello."}],
    }
    request = urllib.request.Request(
        host.machine(instance)["engine_url"] + "/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        assert json.load(answer)["choices"][0]["message"]["content"].strip()


def test_terminated_instance_leaves_no_process_and_no_address(host: RunningHost, lab: Lab, instance: str) -> None:
    machine = host.machine(instance)
    lab.terminate(instance)
    host.wait(lambda: is_off(host, lab, instance), "the machine is off")
    assert not runs(machine["worker"]) and not runs(machine["engine"])
    assert host.reports(instance)["signal"] == "TERM"  # it could say goodbye
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(machine["metadata_url"], timeout=2)
    assert (host.places.logs / f"{instance}-engine.log").exists()


def test_worker_that_ignores_sigterm_does_not_keep_its_machine(emulator: Emulator, host: RunningHost) -> None:
    stubborn = Lab(emulator, PROBE_STUBBORN="1")
    instance_id = stubborn.launch()
    host.wait_for_report(instance_id, "healthy")
    machine = host.machine(instance_id)
    stubborn.terminate(instance_id)
    host.wait(lambda: is_off(host, stubborn, instance_id), "the machine is off")
    assert not runs(machine["worker"]) and not runs(machine["engine"])


def test_machine_powers_off_when_its_worker_exits(host: RunningHost, lab: Lab, instance: str) -> None:
    machine = host.machine(instance)
    os.kill(machine["worker"], signal.SIGTERM)
    host.wait(lambda: is_off(host, lab, instance), "the instance is terminated")
    assert not runs(machine["engine"])


def test_machine_powers_off_when_its_worker_is_killed(host: RunningHost, lab: Lab, instance: str) -> None:
    machine = host.machine(instance)
    assert host.command("kill-worker", instance).returncode == 0
    host.wait(lambda: is_off(host, lab, instance), "the instance is terminated")
    assert not runs(machine["engine"])


def test_dead_engine_is_left_to_the_worker(host: RunningHost, lab: Lab, instance: str) -> None:
    machine = host.machine(instance)
    assert host.command("kill-engine", instance).returncode == 0
    host.wait(lambda: f"{instance}: the engine exited" in host.log.read_text(), "the host has seen it")
    assert lab.state(instance) == "running" and runs(machine["worker"])


def test_spot_notice_reaches_the_worker_before_the_instance_ends(host: RunningHost, lab: Lab, instance: str) -> None:
    ordered = time.time()
    assert host.command("interrupt", instance, "--in", "600").returncode == 0
    notice = host.wait_for_report(instance, "notice")
    assert notice["action"] == "terminate" and faults.has_read_notice(host.places, instance)
    ends_at = datetime.strptime(notice["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert ordered + 599 <= ends_at <= time.time() + 600
    assert lab.state(instance) == "running"
    assert host.command("interrupt", instance, "--in", "0").returncode == 0
    host.wait(lambda: is_off(host, lab, instance), "the instance is terminated")


def test_on_demand_instance_cannot_be_interrupted(host: RunningHost, lab: Lab) -> None:
    instance_id = lab.launch(lifecycle="on-demand")
    host.machine(instance_id)
    refused = host.command("interrupt", instance_id)
    lab.terminate(instance_id)
    assert refused.returncode == 1 and "on-demand" in refused.stderr


def test_fault_for_an_unknown_instance_names_those_that_run(host: RunningHost, instance: str) -> None:
    refused = host.command("kill-worker", "i-0123456789abcdef0")
    assert refused.returncode == 1 and instance in refused.stderr


def test_power_timer_ends_a_machine_by_itself(emulator: Emulator, host: RunningHost) -> None:
    brief = Lab(emulator, life_s=6)
    instance_id = brief.launch()
    machine = host.machine(instance_id)
    host.wait(lambda: is_off(host, brief, instance_id), "the instance is terminated")
    assert "maximum life" in host.log.read_text()
    assert not runs(machine["worker"]) and not runs(machine["engine"])


def test_boot_fails_loudly_when_the_role_may_not_fetch_the_package(emulator: Emulator, host: RunningHost) -> None:
    refused = Lab(emulator, granted=False)
    instance_id = refused.launch()
    host.wait(lambda: is_off(host, refused, instance_id), "the instance is terminated")
    log = host.log.read_text()
    assert f"{instance_id} ends: the boot failed" in log and "AccessDenied" in log


def test_instance_of_somebody_else_is_left_alone(host: RunningHost, lab: Lab) -> None:
    launched = lab.ec2.run_instances(ImageId="ami-12345678", InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance_id = launched["Instances"][0]["InstanceId"]
    lab.ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "foreverus:session", "Value": "ses_other"}])
    host.wait(lambda: f"{instance_id} was not launched by a fleet" in host.log.read_text(), "the host has seen it")
    assert lab.state(instance_id) == "running"
    lab.terminate(instance_id)
