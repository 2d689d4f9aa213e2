"""AWS calls from asyncio: blocking clients in a bounded pool of threads, and when the last one succeeded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Contact:
    """When AWS last answered us well, on the event loop's clock."""

    def __init__(self) -> None:
        self.last = asyncio.get_running_loop().time()

    def made(self) -> None:
        self.last = asyncio.get_running_loop().time()

    @property
    def silence_s(self) -> float:
        return asyncio.get_running_loop().time() - self.last


class RunInThreads:
    """`RunBlocking` in threads. More than `threads` calls at once wait for each other."""

    def __init__(self, contact: Contact, threads: int, name: str):
        self.contact = contact
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        context = copy_context()  # as asyncio.to_thread does: log lines keep their ids in the thread
        result = await loop.run_in_executor(self._pool, lambda: context.run(function, *args, **kwargs))
        self.contact.made()
        return result

    def close(self) -> None:
        """Waits for nothing: a long poll may still be running."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class RunInline:
    """Twin of `RunInThreads` for functions in memory: each call takes `latency_s` on the loop's clock."""

    def __init__(self, contact: Contact, latency_s: float = 0.01):
        self.contact = contact
        self.latency_s = latency_s
        self.cut = False  # the network: calls fail while it is cut

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(self.latency_s)
        if self.cut:
            raise ConnectionError("the network is cut")
        result = function(*args, **kwargs)
        self.contact.made()
        return result
