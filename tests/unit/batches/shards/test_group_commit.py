"""Settled lines on their way to the table."""

import asyncio

from foreverus.batches.records import LineResult
from foreverus.batches.shards.group_commit import Backlog, GroupCommit
from tests.unit.worker.harness import in_jumping_time


class SlowTable:
    """Takes 50 ms for each write; `fails` of the next ones fail."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.fails = 0

    @property
    def lines(self) -> list[int]:
        return [number for group in self.groups for number in group]

    async def write(self, results: list[LineResult]) -> None:
        await asyncio.sleep(0.05)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("not now")
        self.groups.append([one.line for one in results])


def begin(most: int = 4) -> tuple[SlowTable, GroupCommit, "asyncio.Task[None]"]:
    slow = SlowTable()
    commit = GroupCommit(slow.write, most)
    return slow, commit, asyncio.create_task(commit.run())


@in_jumping_time
async def test_what_finishes_during_a_write_goes_into_the_next_one() -> None:
    slow, commit, task = begin(100)
    for number in range(10):
        commit.put(LineResult(number, ""))
        await asyncio.sleep(0.02)
    await commit.flush()
    assert slow.lines == list(range(10)) and len(slow.groups) <= 5
    task.cancel()


@in_jumping_time
async def test_engine_does_not_wait_for_a_table_that_keeps_up() -> None:
    _, commit, task = begin(4)
    for number in range(3):
        commit.put(LineResult(number, ""))
    before = asyncio.get_running_loop().time()
    await commit.keeps_up()
    assert asyncio.get_running_loop().time() == before
    task.cancel()


@in_jumping_time
async def test_no_line_starts_while_more_wait_than_there_are_slots() -> None:
    slow, commit, task = begin(2)
    for number in range(4):
        commit.put(LineResult(number, ""))
    await commit.keeps_up()
    assert slow.lines == [0, 1, 2, 3] and commit.unwritten == 0
    task.cancel()


@in_jumping_time
async def test_lines_of_other_shards_count_because_they_share_the_slots() -> None:
    slow, backlog = SlowTable(), Backlog()
    shards = [GroupCommit(slow.write, 4, backlog) for _ in range(3)]
    slow.fails = 1_000
    writing = [asyncio.create_task(shard.run()) for shard in shards[:2]]
    shards[0].put(LineResult(1, ""))
    await asyncio.sleep(0.1)  # the write of one shard fails: nobody takes a line
    starting = asyncio.create_task(shards[2].keeps_up())
    await asyncio.sleep(5)
    assert not starting.done()
    slow.fails = 0
    await starting
    for number in range(2, 5):
        shards[0].put(LineResult(number, ""))
        shards[1].put(LineResult(100 + number, ""))
    starting = asyncio.create_task(shards[2].keeps_up())
    await asyncio.sleep(0)
    assert backlog.lines == 6 and not starting.done()
    await starting
    await asyncio.gather(*(shard.flush() for shard in shards))
    assert backlog.lines == 0 and sorted(slow.lines) == [1, 2, 3, 4, 102, 103, 104]
    for task in writing:
        task.cancel()


@in_jumping_time
async def test_shard_that_is_given_up_keeps_nobody_from_starting() -> None:
    slow, backlog = SlowTable(), Backlog()
    lost, other = (GroupCommit(slow.write, 2, backlog) for _ in range(2))
    slow.fails = 1
    writing = asyncio.create_task(lost.run())
    for number in range(3):
        lost.put(LineResult(number, ""))
    await asyncio.sleep(0.1)
    writing.cancel()
    starting = asyncio.create_task(other.keeps_up())
    await asyncio.sleep(1)
    assert not starting.done()
    lost.close()
    await asyncio.wait_for(starting, 1)
    assert backlog.lines == 0


@in_jumping_time
async def test_failed_write_is_repeated_with_what_came_meanwhile_and_starts_wait() -> None:
    slow, commit, task = begin(10)
    slow.fails = 3
    commit.put(LineResult(1, ""))
    await asyncio.sleep(0.1)
    commit.put(LineResult(2, ""))
    await commit.keeps_up()
    assert slow.groups == [[1, 2]] and asyncio.get_running_loop().time() >= 3
    task.cancel()
