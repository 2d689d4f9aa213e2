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
