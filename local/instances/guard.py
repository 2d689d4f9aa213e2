"""The machines' power supply: a process apart from the host, so that no machine outlives its timer or its host.

It reads lines from the host on stdin and does two things that must not depend on the host's health:

- `arm <instance> <seconds>`: when the time is up, it powers the machine off: SIGTERM to its worker, SIGKILL to all
  after a grace, and `off <instance>` on stdout for the host, which tells the emulator.
- end of stdin means that the host is gone, however it went: every unit is killed at once. Linux also kills them through
  PR_SET_PDEATHSIG; a Mac has nothing like it.

Other lines: `unit <instance> <process group> <name>`, `gone <process group>` (it ended and its id may be used again),
`disarm <instance>`. It is run as a plain file with only the standard library, so that it starts in 20 ms.
"""

import contextlib
import os
import select
import signal
import sys
import time

GRACE_S = 20.0  # a worker hands back its work in this time; the same as TimeoutStopSec on the machine


class Guard:
    def __init__(self) -> None:
        self.units: dict[int, tuple[str, str]] = {}  # process group: instance and the unit's name
        self.offs: dict[str, float] = {}  # instance: when to send SIGTERM
        self.kills: dict[str, float] = {}  # instance: when to send SIGKILL

    def obey(self, line: str) -> None:
        order, *words = line.split()
        if order == "unit":
            self.units[int(words[1])] = (words[0], words[2])
            if words[0] in self.kills:  # it was started while the machine goes down
                kill(int(words[1]), signal.SIGKILL)
        elif order == "gone":
            self.units.pop(int(words[0]), None)
        elif order == "arm":
            self.offs[words[0]] = time.monotonic() + float(words[1])
        elif order == "disarm":
            self.offs.pop(words[0], None)
            self.kills.pop(words[0], None)

    def act(self) -> float | None:
        """Does what is due and returns the seconds until something else is."""
        now = time.monotonic()
        for instance in [instance for instance, at in self.offs.items() if at <= now]:
            del self.offs[instance]
            self.kills[instance] = now + GRACE_S
            # The worker first: it needs the engine for what it is finishing.
            self.signal_all(signal.SIGTERM, instance, "worker")
            with contextlib.suppress(OSError):
                print(f"off {instance}", flush=True)
        for instance in [instance for instance, at in self.kills.items() if at <= now]:
            self.kills[instance] = float("inf")  # whatever starts from here on is killed at once
            self.signal_all(signal.SIGKILL, instance)
        due = [at for at in [*self.offs.values(), *self.kills.values()] if at != float("inf")]
        return max(0.0, min(due) - now) if due else None

    def signal_all(self, number: int, instance: str | None = None, unit: str | None = None) -> None:
        for group, (owner, name) in self.units.items():
            if instance in (None, owner) and unit in (None, name):
                kill(group, number)


def kill(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def main() -> None:
    # Ctrl-C reaches the whole terminal; the host decides what ends, and its end ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    guard = Guard()
    rest = b""
    while True:
        readable, _, _ = select.select([sys.stdin.fileno()], [], [], guard.act())
        if not readable:
            continue
        data = os.read(sys.stdin.fileno(), 65536)
        if not data:
            guard.signal_all(signal.SIGKILL)
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            guard.obey(line.decode())


if __name__ == "__main__":
    main()
