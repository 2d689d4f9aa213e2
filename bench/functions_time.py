"""What functions of the laptop's cloud take of the processor, by the system's own account of their processes.

The wall's clock has in it whatever else this machine does, and the emulator, which is one process for all of AWS. A
process's own clock has only what its code takes, of Python, boto3 and the kernel. A busy machine makes that dearer too
(caches, a core's other half), by up to twice: what is compared must be taken in turn.
"""

import time
from collections.abc import Callable
from pathlib import Path

from bench.processor import cpu_s_of, descendants
from local.cloud import Cloud

NAMED = b"AWS_LAMBDA_FUNCTION_NAME="
LOOK_S, QUIET_LOOKS, PATIENCE_S = 0.002, 5, 5.0
TRIES = 20
Ask = Callable[[Callable[[], object]], object]  # makes a request, and calls back when its first word is there


class FunctionsTime:
    """Of the functions with these names, all their processes together."""

    def __init__(self, cloud: Cloud, *functions: str) -> None:
        assert cloud.emulator.child.process
        self._emulator = cloud.emulator.child.process.pid
        self._functions = frozenset(functions)

    def until_first(self, prepared: Callable[[], Ask]) -> float:
        """Seconds of the processor from a request to its first word. `prepared` makes ready, which is no part of it,
        and gives what asks. That is done again where a process came or went meanwhile: nor is a cold start. Raises
        RuntimeError when that never ends."""
        for _ in range(TRIES):
            ask = prepared()
            begun, then = self._read_at_rest(), dict[int, float]()
            ask(lambda begun=begun, then=then: then.update(read(begun)))
            if begun and set(then) == set(begun) == set(self._processes()):
                return sum(then.values()) - sum(begun.values())
        raise RuntimeError(f"the processes of {', '.join(sorted(self._functions))} come and go")

    def _processes(self) -> list[int]:
        return [pid for pid in descendants(self._emulator) if function_of(pid) in self._functions]

    def _read_at_rest(self) -> dict[int, float]:
        """When they have done all that they had to do: what was asked of them before is no part of what comes."""
        pids = self._processes()
        before, same, until = read(pids), 0, time.monotonic() + PATIENCE_S
        while same < QUIET_LOOKS and time.monotonic() < until:
            time.sleep(LOOK_S)
            now = read(pids)
            before, same = now, same + 1 if now == before else 0
        return before


def read(pids: "list[int] | dict[int, float]") -> dict[int, float]:
    """Seconds of the processor so far, of those that run."""
    found: dict[int, float] = {}
    for pid in pids:
        try:
            found[pid] = cpu_s_of(pid)
        except OSError:
            continue
    return found


def function_of(pid: int) -> str:
    """The name of the function whose process this is; empty where it is none's."""
    try:
        variables = (Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((one.removeprefix(NAMED).decode() for one in variables if one.startswith(NAMED)), "")
