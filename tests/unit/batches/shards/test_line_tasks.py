"""The tasks of a shard's lines: who is cancelled by what, and who is suspected."""

import asyncio

from foreverus.batches.shards.line_tasks import LineTasks
from tests.unit.worker.harness import in_jumping_time


class Lines:
    """Lines 1 and 2 are in the backend for ten seconds; 3 waits for ever."""

    def __init__(self) -> None:
        self.tasks = LineTasks()
        self.answered: list[int] = []
        self.running = asyncio.create_task(
            self.tasks.run({number: asyncio.create_task(self._line(number)) for number in (1, 2, 3)})
        )

    async def _line(self, number: int) -> None:
        if number == 3:
            await asyncio.Event().wait()
        await asyncio.sleep(number)
        self.tasks.enter_backend(number)
        try:
            await asyncio.sleep(10)
            self.answered.append(number)
        except asyncio.CancelledError:
            self.tasks.interrupted(number)
            raise
        finally:
            self.tasks.leave_backend(number)


@in_jumping_time
async def test_lines_in_the_backend_end_when_those_that_wait_are_cancelled() -> None:
    lines = Lines()
    await asyncio.sleep(3)
    assert lines.tasks.since == {1: 1.0, 2: 2.0}
    lines.tasks.cancel_waiting()
    assert await lines.running is None
    assert lines.answered == [1, 2] and not lines.tasks.cut.is_set() and not lines.tasks.suspects


@in_jumping_time
async def test_all_are_cancelled_and_those_in_the_backend_are_suspects() -> None:
    lines = Lines()
    await asyncio.sleep(3)
    assert lines.tasks.suspects == {1, 2}
    lines.tasks.cancel_all()
    assert await lines.running is None
    assert not lines.answered and lines.tasks.cut.is_set() and not lines.tasks.since


@in_jumping_time
async def test_line_that_had_to_leave_stays_a_suspect_until_it_comes_again() -> None:
    lines = Lines()
    await asyncio.sleep(3)
    lines.tasks.give_up(lambda since: since < 2)
    await asyncio.sleep(0.1)
    assert lines.tasks.since.keys() == {2} and lines.tasks.suspects == {1, 2}
    lines.tasks.enter_backend(1)
    lines.tasks.leave_backend(1)
    assert lines.tasks.suspects == {2}
    lines.tasks.cancel_all()
    await lines.running


@in_jumping_time
async def test_first_error_of_a_line_ends_all() -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("no line's own error")

    tasks = LineTasks()
    waiting = asyncio.create_task(asyncio.Event().wait())
    error = await tasks.run({1: waiting, 2: asyncio.create_task(fail())})  # type: ignore[dict-item]
    assert isinstance(error, ValueError) and waiting.cancelled()
