"""A person stops an answer that the GPU writes: what is there stays, once, whatever else happens at that moment."""

import asyncio
from dataclasses import replace

import pytest

from foreverus.conversations.records import Answer, AnswerStatus, PartialAnswer
from foreverus.errors import EngineBusy
from foreverus.worker.shutdown import spot_interrupted
from tests.unit.worker.harness import World, ends, in_jumping_time, until


def stop(world: World, message_id: str = "msg_1") -> None:
    """What `DELETE …/messages/{id}` does of an answer in work."""
    message = world.answers.questions[message_id].ref
    assert world.answers.request_stop(message)
    world.mailbox.change(stops=world.mailbox.snapshot.stops | {message_id})


def endless(world: World, seconds_per_token: float = 0.25) -> None:
    world.engine.seconds_per_token = seconds_per_token
    world.engine.reply = lambda prompt: [f"{number} " for number in range(1000)]


def ended(world: World) -> list[Answer]:
    return [one for one in world.answers.answers.values() if one.status.is_final]


@in_jumping_time
async def test_a_stopped_answer_keeps_its_text_and_frees_its_slot_within_a_second() -> None:
    world = World()
    world.subscribe()
    endless(world)
    loop = asyncio.get_running_loop()
    request = world.ask("count", max_tokens=1000)
    async with world.worker():
        await until(lambda: world.engine.running == 1 and len(world.push.frames["c1"]) > 5)
        stop(world)
        asked_at = loop.time()
        await until(lambda: world.engine.running == 0)
        assert loop.time() - asked_at <= 1.05
        answer = await world.answered(request)
        await until(lambda: world.chat.is_empty and world.push.frames["c1"][-1]["type"] == "message")
    written = answer["content"]
    assert written == world.push.text_of("c1") and len(written.split()) >= 5
    assert (answer["status"], answer["finish_reason"]) == ("answered", "stopped")
    assert world.push.frames["c1"][-1]["message"] == answer
    used = world.answers.session_usage["ses_1"]
    assert used["completion_tokens"] == len(written.split()) == answer["usage"]["completion_tokens"]
    assert used["prompt_tokens"] == answer["usage"]["prompt_tokens"] > 0
    assert world.answers.usage.day("user_1", "2026-01-01").tokens == used["prompt_tokens"] + used["completion_tokens"]
    assert not world.answers.pending.work and not world.mailbox.snapshot.stops


@in_jumping_time
async def test_others_go_on_and_the_next_one_gets_the_slot() -> None:
    world = World(engine_slots=2)
    endless(world, 0.5)
    async with world.worker():
        for number in range(1, 4):
            world.ask("count", message_id=f"msg_{number}", conversation_id=f"conv_{number}", max_tokens=30)
        await until(lambda: len(world.answers.answers) == 2, 30)
        stop(world, min(world.answers.answers))
        await until(lambda: len(world.answers.answers) == 3, 30)
        assert world.engine.running == 2 and len(ended(world)) == 1
        await until(lambda: world.chat.is_empty, 60)
    assert sorted(one.finish_reason for one in ended(world)) == ["length", "length", "stopped"]


@in_jumping_time
async def test_a_stop_that_only_the_table_knows_is_seen_at_the_next_checkpoint() -> None:
    """The session's record could not be written, or named another session."""
    world = World()
    endless(world)
    request = world.ask("count")
    async with world.worker():
        await until(lambda: world.answers.checkpoints > 1)
        assert world.answers.request_stop(request)
        answer = await world.answered(request)
        assert world.engine.running == 0
    assert answer["finish_reason"] == "stopped" and answer["content"].startswith("0 1 2")


@in_jumping_time
async def test_a_message_of_a_lost_gpu_that_was_stopped_is_ended_and_asks_no_engine() -> None:
    world = World()
    request = world.ask("count")
    world.answers.checkpoint(request, PartialAnswer("0 1 2 ", 3), "ses_1")
    assert world.answers.request_stop(request)
    async with world.worker():
        answer = await world.answered(request)
        await until(lambda: world.chat.is_empty)
        assert len(world.engine.prompts) == 1  # the boot's
    assert (answer["content"], answer["finish_reason"]) == ("0 1 2 ", "stopped")
    assert answer["usage"] == {"prompt_tokens": 0, "completion_tokens": 3}
    assert world.answers.session_usage["ses_1"]["completion_tokens"] == 3  # what the killed worker left uncounted


@in_jumping_time
async def test_a_stop_of_what_this_worker_does_not_have_is_dropped() -> None:
    world = World()
    async with world.worker():
        world.mailbox.change(stops=frozenset({"msg_9", "req_1"}))
        await until(lambda: not world.mailbox.snapshot.stops)
        assert (await world.answered(world.ask("hello", message_id="msg_9")))["finish_reason"] == "stop"


@in_jumping_time
async def test_a_record_that_cannot_be_cleared_stops_nobodys_end() -> None:
    world = World()
    async with world.worker() as worker:
        world.mailbox.forget_stops = lambda snapshot: (_ for _ in ()).throw(ConnectionError)  # type: ignore[method-assign,misc]
        world.mailbox.change(stops=frozenset({"msg_9"}), end_requested=True)
        assert await ends(worker) == 0


@in_jumping_time
async def test_a_stop_under_a_spot_notice_is_the_end_and_nothing_is_handed_back() -> None:
    world = World()
    endless(world)
    request = world.ask("count")
    async with world.worker() as worker:
        await until(lambda: world.answers.checkpoints > 1)
        assert world.answers.request_stop(request)
        world.shutdown.begin(spot_interrupted("A test."))
        await ends(worker)
    answer = world.shown(request)
    assert (answer["status"], answer["finish_reason"]) == ("answered", "stopped")
    assert world.answers.session_usage["ses_1"]["messages"] == 1 and not world.answers.pending.work


@in_jumping_time
async def test_a_stop_of_a_message_whose_engine_is_too_busy_ends_it() -> None:
    world = World()
    request = world.ask("hello")
    async with world.worker():
        for _ in range(9):
            world.engine.fail_next(EngineBusy("no slot"))
        await until(lambda: bool(world.answers.answers))
        stop(world)
        answer = await world.answered(request)
    assert (answer["finish_reason"], answer["content"]) == ("stopped", "")


@pytest.mark.parametrize("moment", range(0, 40))
@in_jumping_time
async def test_whenever_the_stop_comes_there_is_one_answer(moment: int) -> None:
    """Before the worker has the message, between any two of its steps, between the last word and the save, after."""
    world = World()
    world.subscribe()
    world.network.latency_s = 0.03
    world.engine.seconds_per_token = 0.1
    world.engine.reply = lambda prompt: ["one ", "two ", "three"]
    request = world.ask("count")
    async with world.worker():
        await asyncio.sleep(moment * 0.025)
        if not world.answers.request_stop(request):
            world.answers.end_unbegun(request, world.ports.clock())
        world.mailbox.change(stops=frozenset({"msg_1"}))
        answer = await world.answered(request)
        await until(lambda: world.chat.is_empty)
    assert answer["status"] == "answered" and "one two three".startswith(answer["content"])
    assert answer["finish_reason"] == ("stop" if answer["content"] == "one two three" else "stopped") or (
        answer["content"] == "one two three"
    )
    assert world.answers.session_usage.get("ses_1", {}).get("messages", 1) == 1
    assert not world.answers.pending.work and world.engine.running == 0


@pytest.mark.parametrize("late", range(0, 12))
@in_jumping_time
async def test_a_stop_that_crosses_a_handing_back_ends_in_one_answer(late: int) -> None:
    world = World()
    world.network.latency_s = 0.05
    endless(world)
    request = world.ask("count")
    async with world.worker() as worker:
        await until(lambda: world.answers.checkpoints > 1)
        world.shutdown.begin(spot_interrupted("A test."))
        await asyncio.sleep(late * 0.02)
        world.answers.request_stop(request)
        world.mailbox.change(stops=frozenset({"msg_1"}))
        await ends(worker)
    begun = world.answers.answers["msg_1"]
    if not begun.status.is_final:  # it went back with its wish: the next GPU's worker ends it
        assert begun.stop_requested and world.answers.pending.work
        again = World()
        again.answers = world.answers
        again.ports = replace(again.ports, answers=world.answers, pending=world.answers.pending)
        again.deliver(request)
        async with again.worker():
            await again.answered(request)
            assert len(again.engine.prompts) == 1
    assert world.answers.answers["msg_1"].finish_reason == "stopped"
    assert sum(used["messages"] for used in world.answers.session_usage.values()) == 1


@in_jumping_time
async def test_a_slot_that_never_comes_is_nothing_to_wait_for() -> None:
    """Stopped in hand, before the engine was asked: no token is counted."""
    world = World(engine_slots=1)
    endless(world, 1.0)
    async with world.worker():
        world.ask("count", message_id="msg_1", conversation_id="conv_1", max_tokens=900)
        await until(lambda: world.engine.running == 1)
        waiting = world.ask("hello", message_id="msg_2", conversation_id="conv_2")
        assert world.answers.end_unbegun(waiting, world.ports.clock()).value == "saved"
        await until(lambda: world.answers.answers["msg_2"].status is AnswerStatus.ANSWERED)
    assert world.shown(waiting)["content"] == ""
    assert world.answers.usage.day("user_1", "2026-01-01").tokens == 0
