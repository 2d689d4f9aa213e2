"""Engines are programs of their own: one process for each job. A file that breaks its decoder breaks nothing else, an
engine under another licence is nobody's library, and one that hangs is killed.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Protocol

from foreverus.errors import EngineFailed, ForeverUsError, PromptRejected

CANNOT = 3  # the status of an engine that will never do this


class HandedBack(ForeverUsError):
    """The task ends: somebody else does this job."""


class Programs(Protocol):
    def run(self, module: str, arguments: Sequence[str], data: bytes, longest_s: float) -> bytes:
        """What `python -m module …` writes for what it is given. Raises PromptRejected, EngineFailed and HandedBack."""


class OwnPrograms:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._over = False

    def run(self, module: str, arguments: Sequence[str], data: bytes, longest_s: float) -> bytes:
        with self._lock:
            if self._over:
                raise HandedBack("the task ends")
            pipe = subprocess.PIPE
            command = [sys.executable, "-m", module, *arguments]
            # Whoever breaks an engine by a file has not found the task's credentials.
            theirs = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=theirs)  # noqa: S603
            self._running.add(process)
        try:
            return self._communicate(process, module, data, longest_s)
        finally:
            with self._lock:
                self._running.discard(process)

    def _communicate(self, process: "subprocess.Popen[bytes]", module: str, data: bytes, longest_s: float) -> bytes:
        try:
            made, said = process.communicate(data, longest_s)
        except subprocess.TimeoutExpired as err:
            process.kill()
            process.communicate()
            raise EngineFailed(f"{module} was not ready after {longest_s:.0f} s.") from err
        if process.returncode == 0:
            return made
        if self._over:
            raise HandedBack("the task ends")
        words = said.decode(errors="replace").strip()[-300:]
        if process.returncode == CANNOT:
            raise PromptRejected(words)
        raise EngineFailed(f"{module} ended with {process.returncode}: {words}")

    def stop_all(self) -> None:
        """What runs now and what would: HandedBack."""
        with self._lock:
            self._over = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
