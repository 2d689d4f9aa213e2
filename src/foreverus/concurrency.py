"""Waiting for tasks of asyncio, and ending them."""

import asyncio
from typing import Any


async def first_of(*tasks: "asyncio.Future[Any]", timeout: float | None = None) -> None:
    """Waits until one of them is done, or for `timeout` seconds."""
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def stop(*tasks: "asyncio.Future[Any]") -> None:
    """Cancels them and waits until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
