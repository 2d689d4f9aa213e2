"""Waiting for tasks of asyncio, and ending them; calling what blocks."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs a blocking function without blocking the loop, and returns what it returns: `asyncio.to_thread`, or the
    worker's threads. The function's signature is kept, so its arguments are checked where it is called."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


async def first_of(*tasks: "asyncio.Future[Any]", timeout: float | None = None) -> None:
    """Waits until one of them is done, or for `timeout` seconds."""
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def stop(*tasks: "asyncio.Future[Any]") -> None:
    """Cancels them and waits until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
