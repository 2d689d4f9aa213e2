"""Nothing that we start outlives us, and two clouds do not get in each other's way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.processes import Child, Failed, wait_until
from local.state import ROOT, State

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]

PARENT = """
import os, sys, time
from pathlib import Path
from local.processes import Child
child = Child("child", {command!r}, log=Path(sys.argv[1]), environment=dict(os.environ, **{more!r}))
child.start()
print(child.process.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether it runs: one that ended and waits for its parent to hear of it does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(condition: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("more", [{}, {"FOREVERUS_PARENT_WATCH_STAYS": "1"}], ids=["linux", "elsewhere"])
def test_child_ends_when_its_parent_is_killed(tmp_path: Path, more: dict[str, str]) -> None:
    log = tmp_path / "log"
    script = PARENT.format(command=SLEEP, more=more)
    with subprocess.Popen([sys.executable, "-c", script, log], stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(lambda: log.exists() and "here" in log.read_text())
        parent.kill()
    wait_for(lambda: not alive(child))


def test_stopped_child_takes_its_group_along(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"import subprocess; print(subprocess.Popen({SLEEP!r}).pid, flush=True); import time; time.sleep(600)"
    child = Child("child", [sys.executable, "-c", script], log=log, environment=dict(os.environ), stop_seconds=2)
    child.start()
    wait_for(lambda: log.exists() and "here" in log.read_text())
    grandchild = int(log.read_text().split()[0])
    child.stop()
    wait_for(lambda: not alive(grandchild))


def test_child_that_does_not_obey_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
    )
    child = Child("child", [sys.executable, "-c", script], log=log, environment=dict(os.environ), stop_seconds=0.2)
    child.start()
    wait_for(lambda: log.exists() and "here" in log.read_text())
    process = child.process
    child.stop()
    assert process is not None and process.returncode == -signal.SIGKILL


def test_failed_start_names_the_end_of_the_log(tmp_path: Path) -> None:
    child = Child("child", [sys.executable, "-c", "print('no such luck')"], log=tmp_path / "log", environment={})
    child.start()
    with pytest.raises(Failed, match="no such luck"):
        wait_until(lambda: False, 10, "The child", child.ended)
    child.stop()


def test_second_cloud_in_a_directory_is_told_of_the_first(tmp_path: Path) -> None:
    state = State(tmp_path)
    claim = state.claim()
    with pytest.raises(Failed, match=f"process {os.getpid()}"):
        state.claim()
    claim.release()
    state.claim().release()
    assert list(tmp_path.iterdir()) == []


def test_claim_of_a_killed_process_is_not_held(tmp_path: Path) -> None:
    claim = "import sys; from local.state import *; claim = State(Path(sys.argv[1])).claim()"
    script = f"{claim}; {SLEEP[2]}"
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        holder.kill()
    State(tmp_path).claim().release()
