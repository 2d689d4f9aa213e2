"""The machine switches itself off: the real user data under a real systemd and cloud-init, with the network gone."""

import os
from contextlib import AbstractContextManager
from typing import Any

import pytest
import yaml

from tests.local.real_machine import RealMachine, booted, impossible, missing
from tests.template.template import ROOT, user_data

IN_CI = bool(os.environ.get("CI"))  # there a missing tool is a failure, never a skipped test
WHY_NOT = impossible() or (not IN_CI and missing()) or ""
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

LONG = {"MaxSessionSeconds": "3600", "BootTimeoutSeconds": "900"}
LATE_S = 100  # of a busy computer, for booting and switching off. Only what is tested ends a machine that soon
PYTHON = "/opt/foreverus/venv/bin/python"
UNPACKS = 'case "$*" in *zipfile*) mkdir -p /opt/foreverus/package && cp -r /source/. /opt/foreverus/package/ ;; esac'


@pytest.fixture(autouse=True)
def _a_machine_can_run_here() -> None:
    assert not missing(), missing()


def config(values: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(user_data(values))
    return found


def cloud_config(config: dict[str, Any]) -> str:
    return "#cloud-config\n" + yaml.safe_dump(config, sort_keys=False)


def looks(*commands: str, name: str) -> list[str]:
    """A command line that writes what it sees to /log."""
    return ["sh", "-c", f"({'; '.join(commands)}) > /log/{name}.new 2>&1; mv /log/{name}.new /log/{name}"]


def test_timer_alone_switches_the_machine_off_with_the_network_gone_and_every_later_line_failing() -> None:
    broken = config({"MaxSessionSeconds": "8", "BootTimeoutSeconds": "4"})
    (timer,) = broken["bootcmd"]  # as it is in the template, but for the seconds
    broken["bootcmd"] += [looks("ip route", "ip -brief address", name="network"), ["false"]]
    for file in broken["write_files"]:
        file["path"] = f"/proc/nowhere{file['path']}"  # cannot be written, not even by root
    broken["runcmd"] += [looks("ls /etc/foreverus /opt/foreverus", name="later"), ["false"]]
    with booted(cloud_config(broken)) as machine:
        assert machine.wait_for("network").split() == ["lo", "UNKNOWN", "127.0.0.1/8", "::1/128"]
        assert "No such file" in machine.wait_for("later"), "nothing of the user data but its first line has worked"
        lived = machine.seconds_until_off()
    assert "--on-active=8s 4s" in timer
    assert 12 <= lived <= 12 + LATE_S


def test_machine_that_cannot_start_its_worker_goes_off_long_before_its_timer() -> None:
    with booted(user_data(LONG)) as machine:  # no AWS, no network: /opt/foreverus/fetch fails
        assert machine.seconds_until_off() < LATE_S


def worker_machine(
    python: str, watchdog_s: int = 120, shell: str = "/bin/sh", docker: str = "", pip: str = ""
) -> AbstractContextManager[RealMachine]:
    """One whose user data and start script run as they are; `python` is a shell script, the worker's interpreter.

    Stand-ins fetch and install nothing: the package is unpacked from /source. A failure of theirs would not end the
    machine: what ends it is the worker's unit alone.
    """
    changed = config(LONG)
    for file in changed["write_files"]:
        file["content"] = file["content"].replace("trap off ERR", "")
    stand_ins = {"aws": "", "sha256sum": "", "curl": "", "python3": UNPACKS, "docker": docker, "pip": pip}
    for name, script in stand_ins.items():
        path = "/opt/foreverus/venv/bin/pip" if name == "pip" else f"/opt/bin/{name}"
        changed["write_files"].append({"path": path, "permissions": "0755", "content": f"#!/bin/sh\n{script}\n"})
    worker = f"#!{shell}\n{python}\n"
    changed["write_files"].append({"path": PYTHON, "permissions": "0755", "content": worker})
    units = {
        "docker.service": "[Service]\nExecStart=/usr/bin/sleep infinity",
        "foreverus-image.service.d/path.conf": "[Service]\nEnvironment=PATH=/opt/bin:/usr/sbin:/usr/bin",
        "foreverus-worker.service.d/limit.conf": f"[Service]\nWatchdogSec={watchdog_s}\nReadWritePaths=/log",
    }
    for name, text in units.items():
        changed["write_files"].append({"path": f"/etc/systemd/system/{name}", "content": f"{text}\n"})
    changed["runcmd"] = [["env", "PATH=/opt/bin:/usr/sbin:/usr/bin", *words] for words in changed["runcmd"]]
    return booted(cloud_config(changed), {ROOT / "src": "/source"})


@pytest.mark.parametrize("status", [0, 1])
def test_worker_that_ends_is_the_machines_end(status: int) -> None:
    with worker_machine(f"sleep 1; exit {status}") as machine:
        assert machine.seconds_until_off() < LATE_S


def test_worker_that_cannot_even_be_run_is_the_machines_end() -> None:
    with worker_machine("", shell="/no/such/interpreter") as machine:
        assert machine.seconds_until_off() < LATE_S


def test_worker_that_is_killed_is_the_machines_end() -> None:
    with worker_machine("kill -9 $$") as machine:
        assert machine.seconds_until_off() < LATE_S


HANGS_AFTER_S = 6
HANGING_WORKER = f"""\
import asyncio, os, signal, sys
from foreverus.worker.watchdog import Watchdog
async def main():
    asyncio.get_running_loop().call_later({HANGS_AFTER_S}, os.kill, os.getpid(), signal.SIGSTOP)
    await Watchdog.from_env().run()
asyncio.run(main())
"""


def test_worker_that_hangs_is_ended_by_the_watchdog_and_the_machine_with_it() -> None:
    worker = f"exec /usr/bin/python3 - << 'END'\n{HANGING_WORKER}END"
    with worker_machine(worker, watchdog_s=2) as machine:
        lived = machine.seconds_until_off()
    assert lived > HANGS_AFTER_S, "three of its limits long its signs of life have kept it alive"
    assert lived < HANGS_AFTER_S + 2 + LATE_S


SHOWS_UNIT = """\
until grep -q failed /run/foreverus/image; do sleep 0.1; done
until cp /run/foreverus/image /log/unit.new; do sleep 0.1; done
mv /log/unit.new /log/unit
"""


def test_unit_that_ends_says_so_where_the_worker_reads_it() -> None:
    with worker_machine(SHOWS_UNIT, docker="echo manifest unknown >&2; exit 1") as machine:
        machine.log.chmod(0o777)  # the worker is nobody
        said = machine.wait_for("unit")
    assert said.startswith("failed 1\n") and "manifest unknown" in said, "its status, and what its journal has"


# The interpreter's stand-in is the program that keeps the log, too: it keeps what it is given.
KEEPS = """\
if [ "$2" = foreverus.worker.last_log ]; then cat > /log/new; echo "$3" >> /log/new; mv /log/new /log/kept; exit; fi
[ "$2" = foreverus.worker ] || exit 0
"""


def test_log_of_a_worker_that_ends_is_kept_before_the_machine_goes() -> None:
    with worker_machine(KEEPS + "echo the last words; exit 1") as machine:
        kept = machine.wait_for("kept")
        assert machine.seconds_until_off() < LATE_S
    assert '"MESSAGE":"the last words"' in kept and '"_SYSTEMD_UNIT":"foreverus-worker.service"' in kept
    assert kept.rstrip().endswith("the-MachineLog")


def test_log_is_kept_when_the_machine_is_shut_down_from_outside() -> None:
    """Also where no worker has started yet: its installation hangs. The journal then is that of the start."""
    with worker_machine(KEEPS, pip="echo pip hangs; touch /log/hangs; exec sleep infinity") as machine:
        machine.wait_for("hangs")
        machine.press_power_button()
        kept = machine.wait_for("kept")
        assert machine.seconds_until_off() < LATE_S
    assert "pip hangs" in kept and '"_SYSTEMD_UNIT":"cloud-final.service"' in kept
