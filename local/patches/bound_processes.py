"""Processes that end with this one, however it ends: what they watch is a pipe, whose other end closes with us.

The kernel's own signal (PR_SET_PDEATHSIG, as in local/parent_watch.py) would come when the thread ends that started
them, and the emulator starts them from a pool of threads.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# A shell leads their group. A part of it waits for the pipe's end and ends the group, the other waits for the command,
# and goes on waiting when it has passed SIGTERM on.
_WATCH = """
exec 3<&0 </dev/null
"$@" 3<&- &
command=$!
trap 'kill -TERM $command' TERM
{ trap - TERM; read -r _ <&3; kill -9 0; } &
watch=$!
wait $command
status=$?
while kill -0 $command 2>/dev/null; do
  wait $command
  status=$?
done
kill $watch
exit $status
"""


@dataclass(frozen=True, slots=True)
class Bound:
    """Keep it: the process ends with it, too. `process`: the shell, whose status is the command's."""

    process: "subprocess.Popen[bytes]"
    pipe: BinaryIO

    def ended(self) -> bool:
        return self.process.poll() is not None

    def terminate(self) -> None:
        """Asks the command to end, by SIGTERM."""
        if not self.ended():
            self.process.terminate()

    def kill(self) -> None:
        """With everything that it has started. May be called again."""
        if not self.ended():  # else its number may be another one's by now
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.pipe.close()


def start(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Bound:
    """May be called from any thread."""
    theirs, ours = os.pipe()  # neither end is inherited by other programs that we start
    try:
        watched = ["/bin/sh", "-c", _WATCH, "sh", *command]
        process = subprocess.Popen(watched, stdin=theirs, cwd=directory, env=environment, process_group=0)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return Bound(process, os.fdopen(ours, "wb", buffering=0))
