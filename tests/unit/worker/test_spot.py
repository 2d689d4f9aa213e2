"""A spot notice: two minutes are used for what can end in them, and the rest is continued by the next instance."""

import asyncio
from datetime import timedelta
from typing import Any

from foreverus.backends.port import Prompt
from foreverus.conversations.records import MessageRef
from foreverus.worker.instance import SpotNotice
from foreverus.worker.shutdown import spot_interrupted
from tests.unit.worker.harness import World, ends, in_jumping_time, until

NOTICE_S = 120


def words(count: int) -> list[str]:
    return [f"w{i} " for i in range(count)]


def announce(world: World, seconds: float = NOTICE_S) -> float:
    """AWS will take the instance back in so many seconds; the loop's time of that."""
    world.instance.notice = SpotNotice("terminate", world.ports.clock() + timedelta(seconds=seconds))
    return asyncio.get_running_loop().time() + seconds


def content(world: World, request: MessageRef) -> dict[str, Any]:
    return world.shown(request)


@in_jumping_time
async def test_answer_that_ends_in_time_is_finished_and_nothing_is_left_to_relaunch_for() -> None:
    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(60), 1.0
    request = world.ask("tell me", max_tokens=90)
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        gone = announce(world)
        assert await ends(worker, within_s=NOTICE_S) == 0
        assert asyncio.get_running_loop().time() < gone - 30, "it does not wait for the end of the notice either"
    assert content(world, request)["status"] == "answered"
    assert content(world, request)["content"] == "".join(words(60))
    assert world.result[0] == "SpotInterrupted"
    assert world.chat.is_empty and not world.answers.pending.work
    assert world.mailbox.statuses == ["draining"]


@in_jumping_time
async def test_answer_that_cannot_end_in_time_is_handed_back_soon_and_continued_by_the_next_instance() -> None:
    world = World()
    world.subscribe()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(600), 1.0
    request = world.ask("tell me everything", max_tokens=1000)
    async with world.worker() as worker:
        await until(lambda: world.push.text_of("c1").count("w") >= 20)
        gone = announce(world)
        assert await ends(worker, within_s=NOTICE_S) == 0
        assert asyncio.get_running_loop().time() < gone - 90, "the next instance boots the sooner"
    assert world.result[0] == "SpotInterrupted"
    partial = world.answers.answers["msg_1"]
    assert partial.status == "answering" and partial.partial_tokens >= 20
    assert world.answers.session_usage["ses_1"]["completion_tokens"] == partial.partial_tokens

    successor = World()
    successor.engine.reply = world.engine.reply
    successor.answers, successor.push, successor.chat = world.answers, world.push, world.chat
    successor.ports.answers, successor.ports.push, successor.ports.chat_queue = world.answers, world.push, world.chat
    async with successor.worker():
        answer = await successor.answered(request)
        await until(lambda: world.push.frames["c1"][-1]["type"] == "message")
    assert answer["content"] == "".join(words(600)) == world.push.text_of("c1")
    assert successor.engine.prompts[-1].continues
    assert world.answers.session_usage["ses_1"]["completion_tokens"] == answer["usage"]["completion_tokens"]
    assert world.answers.session_usage["ses_1"]["messages"] == 1


@in_jumping_time
async def test_each_answer_is_judged_by_itself() -> None:
    def reply(prompt: Prompt) -> list[str]:
        return words(40 if prompt.messages[-1].content == "short" else 900)

    world = World()
    world.engine.reply, world.engine.seconds_per_token = reply, 1.0
    short = world.ask("short", conversation_id="conv_1", message_id="msg_1", max_tokens=60)
    long = world.ask("long", conversation_id="conv_2", message_id="msg_2", max_tokens=900)
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 2)
        await asyncio.sleep(10)
        announce(world)
        await until(lambda: world.engine.running == 1)
        assert content(world, short)["status"] == "answering", "the short one goes on when the long one is handed back"
        assert await ends(worker, within_s=NOTICE_S) == 0
    assert content(world, short)["status"] == "answered"
    assert content(world, long)["status"] == "answering" and content(world, long)["content"]
    assert [delivery.receive_count for delivery in world.chat.waiting] == [1] and world.answers.pending.work.keys() == {
        "msg_2"
    }


@in_jumping_time
async def test_engine_that_slows_down_is_not_waited_for_beyond_the_notice() -> None:
    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(60), 1.0
    request = world.ask("tell me", max_tokens=60)
    async with world.worker() as worker:
        await until(lambda: world.answers.checkpoints > 10)
        gone = announce(world)
        await asyncio.sleep(10)
        world.engine.seconds_per_token = 500.0
        assert await ends(worker, within_s=NOTICE_S) == 0
        assert asyncio.get_running_loop().time() < gone - 5, "the state machine hears of it before the instance is gone"
    assert world.result[0] == "SpotInterrupted"
    assert content(world, request)["status"] == "answering" and world.chat.waiting


@in_jumping_time
async def test_answer_without_a_first_token_gets_a_little_time_to_show_its_pace() -> None:
    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(30), 0.5
    async with world.worker() as worker:
        gone = announce(world)
        request = world.ask("tell me", max_tokens=40)  # taken just before the notice is seen
        await until(lambda: world.shutdown.noticed.is_set())
        assert await ends(worker, within_s=NOTICE_S) == 0
        assert asyncio.get_running_loop().time() < gone
    assert content(world, request)["status"] in ("answered", "queued")
    assert world.chat.is_empty == ("msg_1" not in world.answers.pending.work), "it is answered, or it is in the queue"


@in_jumping_time
async def test_answer_that_cannot_be_saved_is_handed_back_before_the_instance_goes() -> None:
    def finish(*args: Any) -> Any:
        raise ConnectionError("DynamoDB does not take it")

    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(10), 1.0
    world.ask("tell me", max_tokens=20)
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        world.answers.finish = finish  # type: ignore[method-assign]
        gone = announce(world)
        assert await ends(worker, within_s=NOTICE_S) == 0
        assert asyncio.get_running_loop().time() < gone - 5
    assert world.chat.waiting and world.answers.pending.work


@in_jumping_time
async def test_nothing_new_is_taken_after_the_notice() -> None:
    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(30), 1.0
    first = world.ask("tell me", max_tokens=60)
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        announce(world)
        await until(lambda: world.shutdown.noticed.is_set())
        await asyncio.sleep(3)
        late = world.ask("me too", conversation_id="conv_2", message_id="msg_2")
        assert await ends(worker, within_s=NOTICE_S) == 0
    assert content(world, first)["status"] == "answered"
    assert world.answers.answer(late) is None and world.answers.pending.work.keys() == {"msg_2"}


@in_jumping_time
async def test_machine_that_switches_off_during_the_notice_gets_everything_back_at_once() -> None:
    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(60), 1.0
    request = world.ask("tell me", max_tokens=60)
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        announce(world)
        await until(lambda: world.shutdown.noticed.is_set())
        await asyncio.sleep(12)
        assert world.engine.running == 1
        world.shutdown.begin(spot_interrupted("The worker got SIGTERM."))
        assert await ends(worker, within_s=10) == 0
    assert content(world, request)["status"] == "answering" and world.chat.waiting


@in_jumping_time
async def test_notice_whose_time_cannot_be_read_is_taken_for_now() -> None:
    world = World()
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: words(60), 1.0
    world.ask("tell me", max_tokens=60)
    async with world.worker() as worker:
        await until(lambda: world.engine.running == 1)
        world.instance.notice = SpotNotice.from_text("terminate", "soon")
        assert await ends(worker, within_s=20) == 0
    assert world.result == ("SpotInterrupted", "Spot interruption: terminate at an unknown time")
    assert world.chat.waiting


@in_jumping_time
async def test_notice_while_booting_ends_the_boot() -> None:
    world = World()
    async with world.worker(serving=False) as worker:
        announce(world)
        assert await ends(worker, within_s=20) == 0
    assert "SpotInterrupted" in [result[1] for result in world.tasks.results]


@in_jumping_time
async def test_rebalance_recommendation_is_noted_and_nothing_else_happens() -> None:
    world = World()
    async with world.worker() as worker:
        world.instance.rebalance = "2026-01-01T12:00:30Z"
        world.mailbox.fail_next(ConnectionError("once"))
        await until(lambda: world.mailbox.rebalances == ["2026-01-01T12:00:30Z"])
        await asyncio.sleep(30)
        assert not worker.done() and world.shutdown.ending is None
        assert world.mailbox.rebalances == ["2026-01-01T12:00:30Z"]
