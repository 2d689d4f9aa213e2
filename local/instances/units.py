"""Starts and ends a machine's processes so that none is left behind, whatever happens to the host."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1


class PowerSupply:
    """The guard process as the host sees it; see guard.py for what it promises."""

    def __init__(self, when_off: Callable[[str], None]):
        """`when_off` is called with an instance's id when its power timer has fired."""
        self._when_off = when_off
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        guard = Path(__file__).with_name("guard.py")
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(guard)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    async def watch(self) -> None:
        """Reports power-offs; returns when the guard has ended, which it must not do before the host."""
        assert self._process and self._process.stdout
        async for line in self._process.stdout:
            self._when_off(line.decode().split()[1])
        await self._process.wait()

    def order(self, *words: object) -> None:
        assert self._process and self._process.stdin
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    async def stop(self) -> None:
        """Cuts the power: whatever still runs is killed."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await self._process.wait()


class Unit:
    """One process of a machine, in a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, power: PowerSupply):
        self._process = process
        self._power = power
        self._over = False
        self.pid = process.pid

    @classmethod
    async def start(
        cls,
        power: PowerSupply,
        *,
        instance_id: str,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        directory: Path,
        log: Path,
    ) -> "Unit":
        """Appends output to `log`. `environment` is all that the process gets."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,  # Ctrl-C in the terminal is for the host alone
                preexec_fn=_die_with_host(),
            )
        power.order("unit", instance_id, process.pid, name)
        return cls(process, power)

    async def ended(self) -> int:
        """Its exit status (negative: the signal that killed it), once it has ended; its children are killed then."""
        status = await self._process.wait()
        if not self._over:  # once: later the system may give the process id to somebody else
            self._over = True
            self._signal(signal.SIGKILL)
            self._power.order("gone", self.pid)
        return status

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL when the grace is over."""
        if grace_s > 0 and not self._over:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended(), grace_s)
        if not self._over:
            self._signal(signal.SIGKILL)
        await self.ended()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def _die_with_host() -> Callable[[], None] | None:
    """On Linux the kernel kills a child when its parent dies. (macOS has the guard only.)

    It watches the thread that forks, so units are started from the main thread, where the event loop runs.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # looked up before the fork: between fork and exec as little as possible may happen
    host = os.getpid()

    def after_fork() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != host:  # the host died before the kernel was asked to watch it
            os._exit(1)

    return after_fork
