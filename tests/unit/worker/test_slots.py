"""Who gets the engine's slots."""

import asyncio

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
    assert slots.free(Priority.CHAT) == 1
    two.release()
    assert slots.free(Priority.CHAT) == 2


@in_jumping_time
async def test_claim_given_up_in_the_line_is_not_granted() -> None:
    slots = Slots(1)
    first, second, third = (slots.claim(Priority.CHAT) for _ in range(3))
    second.release()
    first.release()
    assert third.granted.is_set() and not second.granted.is_set()


@in_jumping_time
async def test_batch_leaves_a_slot_unless_there_is_only_one() -> None:
    assert Slots(8).free(Priority.BATCH) == 7
    assert Slots(1).free(Priority.BATCH) == 1
    slots = Slots(2)
    slots.claim(Priority.CHAT)
    waiting = asyncio.create_task(slots.wait_until_free(Priority.BATCH))
    await asyncio.sleep(1)
    assert not waiting.done() and slots.free(Priority.CHAT) == 1
    waiting.cancel()
