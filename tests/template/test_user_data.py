"""The GPU instance's user data: rendered, and read as cloud-init reads it. What it fetches: test_machine.py."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from foreverus.worker.settings import WorkerSettings
from tests.template.machine_files import FETCH, config, variables, written
from tests.template.template import user_data

IN_CI = bool(os.environ.get("CI"))  # there a missing tool is a failure, never a skipped test
LIMIT_BYTES = 16384  # EC2's, before base64


def test_is_a_cloud_config_that_fits() -> None:
    text = user_data()
    assert text.startswith("#cloud-config\n")
    assert len(text.encode()) < LIMIT_BYTES
    assert set(config()) == {"bootcmd", "write_files", "runcmd"}


def test_timer_comes_first_and_depends_on_nothing() -> None:
    assert next(iter(config())) == "bootcmd"
    (timer,) = config()["bootcmd"]
    assert timer[0] == "systemd-run"
    assert timer[-3:] == ["/usr/bin/systemctl", "poweroff", "--force"]
    assert "--no-block" in timer  # it must not wait for the boot that waits for it
    assert "--timer-property=DefaultDependencies=no" in timer
    assert "--timer-property=AccuracySec=1s" in timer  # else systemd may be a minute late
    assert not any("/etc/foreverus" in word or "/opt/foreverus" in word for word in timer)


def test_timer_is_the_maximum_life_and_the_boot_budget() -> None:
    text = user_data({"MaxSessionSeconds": "1000", "BootTimeoutSeconds": "30"})
    (timer,) = yaml.safe_load(text)["bootcmd"]
    assert "--on-active=1000s 30s" in timer  # systemd adds spans


def test_worker_gets_exactly_its_settings() -> None:
    env = variables("/etc/foreverus/worker.env")
    assert set(env) == {field.upper() for field in WorkerSettings.__dataclass_fields__}
    WorkerSettings.from_env(env)


def test_program_that_is_started_is_the_one_that_is_written() -> None:
    assert config()["runcmd"] == [[FETCH]]
    assert written(FETCH)["permissions"] == "0755"


@pytest.mark.skipif(not shutil.which("systemd-analyze") and not IN_CI, reason="systemd is not installed")
def test_systemd_adds_the_timers_two_spans() -> None:
    ((_, span),) = [word.split("=") for word in config()["bootcmd"][0] if word.startswith("--on-active")]
    done = subprocess.run(["systemd-analyze", "timespan", span], capture_output=True, text=True, check=True)
    seconds = sum(int(part.removesuffix("s")) for part in span.split())
    assert f"{seconds * 1_000_000}" in done.stdout


@pytest.mark.skipif(not shutil.which("cloud-init") and not IN_CI, reason="cloud-init is not installed")
def test_cloud_init_accepts_it(tmp_path: Path) -> None:
    whole = tmp_path / "user-data"
    whole.write_text(user_data())
    done = subprocess.run(["cloud-init", "schema", "-c", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_user_data_survives_base64() -> None:
    assert base64.b64decode(base64.b64encode(user_data().encode())).decode() == user_data()
