"""Who gets the engine's slots."""

import asyncio

import pytest

from foreverus.worker.slots import Priority, Slots
from tests.unit.worker.harness import in_jumping_time


@in_jumping_time
async def test_chat_that_waits_goes_before_batch_that_waited_longer() -> None:
    slots = Slots(1)
    first, batch, chat = slots.claim(Priority.BATCH), slots.claim(Priority.BATCH), slots.claim(Priority.CHAT)
    assert first.granted.is_set() and not batch.granted.is_set()
    first.release()
    assert chat.granted.is_set() and not batch.granted.is_set()
    chat.release()
    assert batch.granted.is_set()


@in_jumping_time
async def test_claim_released_twice_frees_one_slot() -> None:
    slots = Slots(2)
    one, two = slots.claim(Priority.CHAT), slots.claim(Priority.CHAT)
    one.release()
    one.release()
    assert slots.free_for_chat == 1
    two.release()
    assert slots.free_for_chat == 2


@in_jumping_time
async def test_claim_given_up_in_the_line_is_not_granted() -> None:
    slots = Slots(1)
    first, second, third = (slots.claim(Priority.CHAT) for _ in range(3))
    second.release()
    first.release()
    assert third.granted.is_set() and not second.granted.is_set()


@in_jumping_time
async def test_batch_has_all_slots_while_nobody_chats() -> None:
    slots = Slots(8)
    lines = [slots.claim(Priority.BATCH) for _ in range(9)]
    assert [line.granted.is_set() for line in lines] == [True] * 8 + [False]
    assert slots.free_for_chat == 8, "all of them can be had by people"


@in_jumping_time
async def test_person_who_speaks_first_gets_the_youngest_lines_slot() -> None:
    slots = Slots(4)
    lines = [slots.claim(Priority.BATCH) for _ in range(4)]
    waiting = slots.claim(Priority.BATCH)
    chat = slots.claim(Priority.CHAT)
    assert [line.yielding.is_set() for line in lines] == [False, False, False, True]
    assert not chat.granted.is_set()
    lines[3].release()
    again = slots.claim(Priority.BATCH, first=True)
    assert chat.granted.is_set() and not waiting.granted.is_set()
    chat.release()
    lines[0].release()
    assert again.granted.is_set() and not waiting.granted.is_set(), "what had to yield goes before what has not begun"


@in_jumping_time
async def test_no_more_lines_yield_than_people_wait() -> None:
    slots = Slots(4)
    lines = [slots.claim(Priority.BATCH) for _ in range(4)]
    chats = [slots.claim(Priority.CHAT) for _ in range(2)]
    lines[0].release()  # it has ended by itself
    assert chats[0].granted.is_set() and sum(line.yielding.is_set() for line in lines) == 2
    assert slots.free_for_chat == 2
    chats[1].release()
    slots.claim(Priority.CHAT)
    assert sum(line.yielding.is_set() for line in lines) == 2, "the two that were asked are enough"


@pytest.mark.parametrize(("total", "kept"), [(1, 0), (2, 1), (3, 1), (8, 2), (16, 4)])
def test_batch_leaves_a_quarter_while_people_chat_and_a_minute_longer(total: int, kept: int) -> None:
    @in_jumping_time
    async def chat_and_batch() -> None:
        slots = Slots(total)
        assert slots.kept_for_chat == 0
        chat = slots.claim(Priority.CHAT)
        await asyncio.sleep(300)
        assert slots.kept_for_chat == kept
        chat.release()
        lines = [slots.claim(Priority.BATCH) for _ in range(total)]
        assert sum(line.granted.is_set() for line in lines) == total - kept
        await asyncio.sleep(30)
        slots.claim(Priority.CHAT).release()
        await asyncio.sleep(59)
        assert sum(line.granted.is_set() for line in lines) == total - kept
        await asyncio.sleep(2)
        assert all(line.granted.is_set() for line in lines), "nobody has to end for it"

    chat_and_batch()


@in_jumping_time
async def test_suspect_is_alone_among_lines_and_not_among_people() -> None:
    slots = Slots(4)
    before, suspect, after = (slots.claim(Priority.BATCH, alone=alone) for alone in (False, True, False))
    assert before.granted.is_set() and not suspect.granted.is_set()
    before.release()
    assert suspect.granted.is_set() and not after.granted.is_set()
    chat = slots.claim(Priority.CHAT)
    assert chat.granted.is_set()
    suspect.release()
    assert after.granted.is_set()


@in_jumping_time
async def test_chat_is_received_as_soon_as_a_slot_can_be_had() -> None:
    slots = Slots(2)
    chats = [slots.claim(Priority.CHAT) for _ in range(2)]
    waiting = asyncio.create_task(slots.wait_until_free_for_chat())
    await asyncio.sleep(1)
    assert not waiting.done()
    chats[0].release()
    assert await waiting == 1
