"""What a piece of work took of the processor, and how long it had to wait for one."""

import time
from dataclasses import dataclass
from pathlib import Path

SCHEDSTAT = Path("/proc/thread-self/schedstat")  # Linux; nanoseconds that this thread ran, and that it could not run


@dataclass(frozen=True, slots=True)
class Spent:
    """`waited`: the share of `seconds` in which the thread could have run and the machine's other work did."""

    seconds: float
    cpu_s: float
    waited: float


class Stopwatch:
    """Starts when it is made. `cpu_s` is the whole process's, the waiting only the thread's that asks."""

    def __init__(self) -> None:
        self._begun, self._cpu, self._waited = time.perf_counter(), time.process_time(), _waited_s()

    def read(self) -> Spent:
        seconds = time.perf_counter() - self._begun
        return Spent(seconds, time.process_time() - self._cpu, (_waited_s() - self._waited) / seconds)


def _waited_s() -> float:
    """0 where nobody counts it: then every machine looks quiet."""
    try:
        return int(SCHEDSTAT.read_text().split()[1]) / 1e9
    except (OSError, LookupError, ValueError):
        return 0.0


def contention(seconds: float = 0.2) -> float:
    """The share of its time in which a thread that only computes has to wait now: what other work takes. Of what other
    processes do for us nobody tells how long they waited; this is how the machine was beside them."""
    watch, until = Stopwatch(), time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
    return watch.read().waited


def descendants(pid: int) -> list[int]:
    """Every process below that one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def command(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def cpu_s_of(pid: int) -> float:
    """Seconds of the processor that a process has used, its threads together, to the nanosecond. Raises OSError when it
    has ended."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes a process's clock of its number
