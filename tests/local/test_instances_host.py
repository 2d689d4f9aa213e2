"""However the host ends or hangs, no engine and no worker outlives it or its machine's power timer."""

import json
import os
import signal
import urllib.request
from pathlib import Path

import pytest

from local.emulator import Emulator
from tests.local.instance_lab import PATIENCE_S, Lab, running_host, runs

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def lab(emulator: Emulator) -> Lab:
    return Lab(emulator)


def test_stopped_host_leaves_no_process(emulator: Emulator, lab: Lab, tmp_path: Path) -> None:
    with running_host(emulator, tmp_path) as own:
        instance_id = lab.launch()
        machine = own.machine(instance_id)
    lab.terminate(instance_id)
    assert not runs(machine["worker"]) and not runs(machine["engine"])


def test_killed_host_leaves_no_process_and_the_next_one_ends_the_instance(
    emulator: Emulator, lab: Lab, tmp_path: Path
) -> None:
    with running_host(emulator, tmp_path) as first:
        instance_id = lab.launch()
        machine = first.machine(instance_id)
        first.process.kill()
        first.wait(lambda: not runs(machine["worker"]) and not runs(machine["engine"]), "both are gone")
    with running_host(emulator, tmp_path) as second:
        second.wait(lambda: lab.state(instance_id) == "terminated", "the cut-off instance is terminated")
        second.wait(lambda: not second.places.machine(instance_id).exists(), "its directory is removed")


def test_hung_host_does_not_stop_the_power_timer(emulator: Emulator, tmp_path: Path) -> None:
    brief = Lab(emulator, life_s=6)
    with running_host(emulator, tmp_path) as own:
        instance_id = brief.launch()
        machine = own.machine(instance_id)
        os.kill(own.process.pid, signal.SIGSTOP)
        own.wait(lambda: not runs(machine["worker"]), "the worker has ended")
        assert brief.state(instance_id) == "running"  # only the host can tell the emulator
        os.kill(own.process.pid, signal.SIGCONT)
        own.wait(lambda: brief.state(instance_id) == "terminated", "the instance is terminated")
        assert not runs(machine["engine"])


def test_host_without_its_guard_ends_with_everything(emulator: Emulator, lab: Lab, tmp_path: Path) -> None:
    with running_host(emulator, tmp_path) as own:
        instance_id = lab.launch()
        machine = own.machine(instance_id)
        os.kill(own.guard(), signal.SIGKILL)
        assert own.process.wait(PATIENCE_S) == 1
        assert "guard has died" in own.log.read_text()
    lab.terminate(instance_id)
    assert not runs(machine["worker"]) and not runs(machine["engine"])


def test_host_ends_when_its_parent_is_gone(emulator: Emulator, lab: Lab, tmp_path: Path) -> None:
    with running_host(emulator, tmp_path, through_a_shell=True) as own:
        instance_id = lab.launch()
        machine = own.machine(instance_id)
        own.process.kill()  # the shell
        own.wait(lambda: not runs(machine["worker"]) and not runs(machine["engine"]), "both are gone")
    lab.terminate(instance_id)


def test_second_host_with_the_same_directory_is_refused(emulator: Emulator, lab: Lab, tmp_path: Path) -> None:
    with running_host(emulator, tmp_path) as first:
        instance_id = lab.launch()
        machine = first.machine(instance_id)
        with running_host(emulator, tmp_path) as second:
            assert second.process.wait(PATIENCE_S) == 1
        assert "another host runs already" in first.log.read_text()
        assert lab.state(instance_id) == "running" and runs(machine["worker"])
        lab.terminate(instance_id)


def test_machine_that_boots_while_a_pace_is_set_has_an_engine_of_that_pace(
    emulator: Emulator, lab: Lab, tmp_path: Path
) -> None:
    with running_host(emulator, tmp_path, options=()) as own:
        assert own.command("pace", "1000").returncode == 0
        instance_id = lab.launch()
        engine = own.wait_for_report(instance_id, "healthy")
        body = {"prompt": "The sea", "max_tokens": 3}
        request = urllib.request.Request(f"{engine}/v1/completions", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=300) as answer:
            assert json.load(answer)["choices"][0]["text"] == "1 2 3"
        assert own.command("pace", "model").returncode == 0
        assert not own.places.pace.exists()
        lab.terminate(instance_id)
