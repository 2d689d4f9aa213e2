"""Child processes that never outlive us, and waiting for something to be true without fixed sleeps."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
PARENT_WATCH = Path(__file__).with_name("parent_watch.py")


class Failed(Exception):
    """Something of the laptop's cloud did not work. The text says what, and what to do."""


def wait_until(condition: Callable[[], bool], seconds: float, what: str, alive: Callable[[], str | None]) -> None:
    """Asks until it is true. Failed when `alive` names an end, or after the time."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not condition():
        if ended := alive():
            raise Failed(f"{what}: {ended}")
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not ready after {seconds:g} s.")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def answers(url: str) -> bool:
    """Whether a GET is answered with a success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status < 300)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


@dataclass
class Child:
    """One child process in a process group of its own, with its log. It ends when we do: see parent_watch.py.

    Start it from the main thread: on Linux the end of the thread that started it counts as its parent's death.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: int | None = None
    group: int | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL
    stop_seconds: float = 5
    sockets: Sequence[int] = ()  # file descriptors that it gets, by the same numbers
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        user, group = ("-", "-") if self.user is None else (self.user, self.group)
        watch = [sys.executable, "-I", "-S", PARENT_WATCH, os.getpid(), int(self.death_signal), user, group]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in (*watch, *self.command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.directory,
                process_group=0,
                pass_fds=self.sockets,
            )

    def ended(self) -> str | None:
        """Why it is not running any more, with the end of its log; None while it runs."""
        if self.process is None:
            return "it was not started"
        status = self.process.poll()
        if status is None:
            return None
        return f"it ended with status {status}. Its log, {self.log}, ends with:\n{tail(self.log)}"

    def wait(self) -> int:
        """Its exit status, once it has one."""
        assert self.process is not None
        return self.process.wait()

    def stop(self) -> None:
        """Asks it to end, and ends its whole group after `stop_seconds`."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            try:
                process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
