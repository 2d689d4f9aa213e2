"""Threads that outlive the loops which use them: how many are made, counted, and that nothing goes on behind them."""

import ast
import asyncio
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest

from foreverus.concurrency import KeptThreads

PATIENCE_S = 600.0
SOURCE = Path(__file__).resolve().parents[2] / "src/foreverus/bootstrap/answer_conversation.py"


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_loop_after_the_other_uses_the_same_threads(at_once: int) -> None:
    kept, together = KeptThreads(at_once), threading.Barrier(at_once)

    def who() -> str:
        together.wait(PATIENCE_S)  # so that each call needs a thread of its own
        return threading.current_thread().name

    async def call() -> list[str]:
        return await asyncio.gather(*(kept(who) for _ in range(at_once)))

    names = {name for _ in range(5) for name in asyncio.run(call())}
    assert len(names) == at_once


def test_what_it_returns_and_raises_and_the_ids_of_its_caller() -> None:
    here: ContextVar[str] = ContextVar("here")
    kept = KeptThreads(2)

    def read(number: int, *, fail: bool = False) -> tuple[int, str]:
        if fail:
            raise KeyError(number)
        return number, here.get()

    async def call() -> None:
        here.set("this call")
        assert await kept(read, 7) == (7, "this call")
        with pytest.raises(KeyError):
            await kept(read, 7, fail=True)

    asyncio.run(call())


def test_a_call_whose_caller_has_gone_is_waited_for() -> None:
    kept, begun, may, done = KeptThreads(2), threading.Event(), threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        may.wait(PATIENCE_S)
        done.set()

    async def leave() -> None:
        writing = asyncio.create_task(kept(write))
        while not begun.is_set():
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})

    asyncio.run(leave())
    assert not done.is_set()
    may.set()
    kept.finish()
    assert done.is_set()


def test_the_answering_function_makes_no_threads_for_each_call() -> None:
    used = {node.attr for node in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(node, ast.Attribute)}
    assert not used & {"to_thread", "set_default_executor"}
