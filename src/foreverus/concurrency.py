"""Waiting for tasks of asyncio, and ending them; calling what blocks; tasks beside the main path."""

import asyncio
import concurrent.futures
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class RunBlocking(Protocol):
    """Runs a blocking function without blocking the loop, and returns what it returns: `asyncio.to_thread`, or the
    worker's threads. The function's signature is kept, so its arguments are checked where it is called."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class KeptThreads:
    """`RunBlocking` in threads that stay when a loop ends: a warm function, which has a loop for each call, makes none
    anew. More than `threads` calls at once wait for each other."""

    def __init__(self, threads: int, name: str = ""):
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._calls: set[concurrent.futures.Future[Any]] = set()

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        context = copy_context()  # as asyncio.to_thread does: log lines keep their ids in the thread
        call = self._pool.submit(lambda: context.run(function, *args, **kwargs))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await asyncio.wrap_future(call)

    def finish(self) -> None:
        """Waits for calls whose caller was cancelled: a frozen process would go on with them in its next call."""
        concurrent.futures.wait(list(self._calls))


async def first_of(*tasks: "asyncio.Future[Any]", timeout: float | None = None) -> None:
    """Waits until one of them is done, or for `timeout` seconds."""
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def stop(*tasks: "asyncio.Future[Any]") -> None:
    """Cancels them and waits until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Room:
    """`most` of something at once: whoever wants more than is left waits, in turn. What is larger gets all of it."""

    def __init__(self, most: int):
        self.most = most
        self.used = 0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def take(self, size: int) -> AsyncGenerator[None, None]:
        taken = min(size, self.most)
        async with self._changed:
            await self._changed.wait_for(lambda: self.used + taken <= self.most)
            self.used += taken
        try:
            yield
        finally:
            async with self._changed:
                self.used -= taken
                self._changed.notify_all()


class Background:
    """Tasks beside the main path: none is lost, none fails in silence, and ending them takes a bounded time. `on_crash`
    hears of one that raised (a bug: each handles what it expects by itself)."""

    def __init__(self, on_crash: Callable[[BaseException], None] = lambda error: None):
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_crash = on_crash

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def finish(self, within_s: float) -> None:
        """Waits for the tasks that are still running, then cancels what is left."""
        if self._tasks and within_s > 0:
            await asyncio.wait(self._tasks, timeout=within_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a background task failed", exc_info=error)
            self._on_crash(error)
