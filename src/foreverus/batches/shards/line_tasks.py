"""The tasks that answer a shard's lines: which of them are in the backend, and how they are cancelled."""

import asyncio
from collections.abc import Callable

from foreverus.concurrency import stop


class LineTasks:
    """By the numbers of the lines. `since`: of those in the backend, when they came into it, on the loop's clock."""

    def __init__(self) -> None:
        self.since: dict[int, float] = {}
        self.cut = asyncio.Event()  # all of them are being cancelled
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._interrupted: set[int] = set()  # had to leave the backend, and wait for it again

    @property
    def suspects(self) -> set[int]:
        """The lines that may be why the backend died, if it has died now."""
        return set(self.since) | self._interrupted

    def enter_backend(self, number: int) -> float:
        """Returns the time. `leave_backend` follows in any case."""
        self._interrupted.discard(number)
        now = self.since[number] = asyncio.get_running_loop().time()
        return now

    def leave_backend(self, number: int) -> None:
        del self.since[number]

    def interrupted(self, number: int) -> None:
        """That line leaves the backend before it is answered."""
        self._interrupted.add(number)

    async def run(self, tasks: dict[int, "asyncio.Task[None]"]) -> BaseException | None:
        """Returns when they have ended. What one of them raises ends all, and is returned."""
        self._tasks = tasks
        if not tasks:
            return None
        try:
            await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            await stop(*tasks.values())
        ended = [task for task in tasks.values() if not task.cancelled()]
        return next((error for task in ended if (error := task.exception())), None)

    def cancel_waiting(self) -> None:
        """Those that are not in the backend."""
        for number in self._tasks.keys() - self.since.keys():
            self._tasks[number].cancel()

    def cancel_all(self) -> None:
        self.cut.set()
        for task in self._tasks.values():
            task.cancel()

    def give_up(self, cannot_end: Callable[[float], bool]) -> None:
        """Cancels those in the backend of which that is said, by the time when they came into it."""
        for number, since in self.since.items():
            if cannot_end(since):
                self._tasks[number].cancel()
