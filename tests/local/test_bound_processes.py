"""What the emulator starts from a pool of threads ends with it, however it ends; and with nothing else."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local.patches.bound_processes import Bound, start
from local.state import ROOT
from tests.local.test_processes import alive, wait_for

# A command tells its process id and goes on: as Lambda's adapter is started (`exec`), and with a shell in between.
SLEEPS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
SHELLS = {"exec": 'exec "$@"', "in between": '"$@"; exit 7'}

PARENT = """
import os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from local.patches.bound_processes import start
with ThreadPoolExecutor(1) as pool:
    kept = pool.submit(start, sys.argv[1:], Path("/"), dict(os.environ)).result()
print("started, and its thread is over", flush=True)
time.sleep(600)
"""


def command(shell: str, told: Path) -> list[str]:
    return ["/bin/sh", "-c", SHELLS[shell], "sh", sys.executable, "-c", SLEEPS, str(told)]


def pid_in(told: Path) -> int:
    wait_for(lambda: told.exists() and told.read_text())
    return int(told.read_text())


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed hard", "asked to end"])
def test_it_ends_with_us(tmp_path: Path, shell: str, end: signal.Signals) -> None:
    told = tmp_path / "pid"
    started = [sys.executable, "-c", PARENT, *command(shell, told)]
    with subprocess.Popen(started, stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        try:
            assert parent.stdout is not None
            parent.stdout.readline()
            served = pid_in(told)
            assert alive(served), "it has outlived the thread that started it"
            parent.send_signal(end)
            parent.wait(60)
        finally:
            parent.kill()
    wait_for(lambda: not alive(served))


def started(shell: str, told: Path) -> Bound:
    """By a thread that is over."""
    made: list[Bound] = []
    thread = threading.Thread(target=lambda: made.append(start(command(shell, told), told.parent, dict(os.environ))))
    thread.start()
    thread.join()
    return made[0]


@pytest.mark.parametrize("shell", SHELLS)
def test_it_is_killed_with_all_that_it_started(tmp_path: Path, shell: str) -> None:
    one = started(shell, tmp_path / "pid")
    served = pid_in(tmp_path / "pid")
    assert not one.ended()
    one.kill()
    wait_for(lambda: not alive(served))
    assert one.ended()
    one.kill()  # again: nothing is left, nothing is raised


@pytest.mark.parametrize(("shell", "status"), [("exec", -signal.SIGTERM), ("in between", 7)])
def test_its_own_end_is_seen(tmp_path: Path, shell: str, status: int) -> None:
    one = started(shell, tmp_path / "pid")
    os.kill(pid_in(tmp_path / "pid"), signal.SIGTERM)
    wait_for(one.ended)
    assert one.process.returncode == (status if status > 0 else 128 - status)
    one.kill()


def test_nobody_else_holds_its_pipe(tmp_path: Path) -> None:
    """A program that we start later does not keep it alive."""
    one = started("exec", tmp_path / "pid")
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], close_fds=False)
    served = pid_in(tmp_path / "pid")
    one.pipe.close()
    wait_for(lambda: not alive(served))
    other.kill()
    other.wait()
    one.kill()
