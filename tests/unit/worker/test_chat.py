"""What can happen to one message, with everything around the worker in memory."""

import asyncio
import json

import pytest

from foreverus.backends.port import Prompt
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from foreverus.worker.chat import read_request
from foreverus.worker.live import MAX_POSTS_PER_SECOND
from tests.unit.worker.harness import World, ends, in_jumping_time, until

TOO_LONG = PromptRejected("The prompt is longer than the model's context.", "context_length_exceeded")


@in_jumping_time
async def test_message_delivered_twice_is_answered_once() -> None:
    world = World()
    request = world.ask("hello")
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
        world.deliver(request)
        await until(lambda: world.chat.is_empty)
    assert world.answers.session_usage["ses_1"]["messages"] == 1


@in_jumping_time
async def test_answer_that_became_final_elsewhere_stops_ours() -> None:
    world = World()
    world.engine.seconds_per_token = 3.0
    world.engine.reply = lambda prompt: ["word "] * 100
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: world.answers.checkpoints > 0)
        answer = world.answers.answer(request)
        assert answer
        answer |= {"status": "answered", "content": "theirs"}
        await until(lambda: world.chat.is_empty)
        assert world.engine.running == 0
    assert (world.answers.answer(request) or {})["content"] == "theirs"


@in_jumping_time
async def test_deleted_conversation_gets_no_answer() -> None:
    world = World()
    request = world.ask("hello")
    world.answers.delete_conversation("conv_1")
    world.answers.pending.add("msg_1")
    async with world.worker():
        await until(lambda: world.chat.is_empty)
    assert world.answers.answer(request) is None and not world.answers.pending


@in_jumping_time
async def test_conversation_deleted_in_mid_answer_leaves_nothing_behind() -> None:
    world = World()
    world.engine.seconds_per_token = 2.0
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: world.answers.checkpoints > 0)
        world.answers.delete_conversation("conv_1")
        await until(lambda: world.chat.is_empty)
    assert world.answers.answer(request) is None and not world.answers.pending
    assert not world.answers.session_usage


@in_jumping_time
async def test_prompt_longer_than_the_context_is_a_clear_error_and_the_session_lives_on() -> None:
    world = World()
    world.subscribe()
    async with world.worker() as worker:
        for _ in range(10):
            world.engine.fail_next(TOO_LONG)
        request = world.ask("far too long")
        answer = await world.answered(request)
        world.engine._failures.clear()
        other = world.ask("short", message_id="msg_2")
        assert (await world.answered(other))["status"] == "answered"
        assert not worker.done()
    assert answer["status"] == "failed" and answer["error"]["code"] == "context_length_exceeded"
    assert world.push.frames["c1"][0]["message"]["error"]["code"] == "context_length_exceeded"
    asked_after = world.engine.prompts[-1].messages
    assert [m.content for m in asked_after] == ["Be brief.", "short"], "the failed question is not asked again"


@in_jumping_time
async def test_long_conversation_loses_its_oldest_turns_not_its_answer() -> None:
    world = World()
    async with world.worker():
        for i in range(4):
            await world.answered(world.ask(f"question {i}", message_id=f"msg_{i}"))
        world.engine.fail_next(TOO_LONG)
        answer = await world.answered(world.ask("question 4", message_id="msg_4"))
    assert answer["status"] == "answered"
    refused, accepted = world.engine.prompts[-2:]
    assert len(refused.messages) == 10 and len(accepted.messages) == 6
    assert accepted.messages[0].role == "system" and accepted.messages[1].content == "question 2"


@in_jumping_time
async def test_answer_that_fills_the_context_ends_as_cut() -> None:
    world = World()
    request = world.ask("hello")
    world.answers.checkpoint(request, "a very long beginning", 900, "ses_0")
    async with world.worker():
        for _ in range(10):
            world.engine.fail_next(TOO_LONG)
        answer = await world.answered(request)
    assert (answer["content"], answer["finish_reason"]) == ("a very long beginning", "length")
    assert answer["usage"]["completion_tokens"] == 900
    assert world.answers.session_usage["ses_1"]["completion_tokens"] == 0


@in_jumping_time
async def test_broken_stream_is_continued_where_it_broke() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["one ", "two ", "three"]
    async with world.worker():
        world.engine.fail_next(EngineFailed("the stream broke"), after_tokens=2)
        answer = await world.answered(world.ask("count", max_tokens=10))
        await until(lambda: world.push.frames["c1"][-1]["type"] == "message")
    assert answer["content"] == "one two three" == world.push.text_of("c1")
    assert answer["usage"]["completion_tokens"] == 3
    assert world.engine.prompts[-1].continues and world.engine.prompts[-1].max_tokens == 8


@in_jumping_time
async def test_message_that_breaks_every_stream_ends_as_a_clear_error() -> None:
    def reply(prompt: Prompt) -> list[str]:
        if "poison" in prompt.messages[-1].content:
            raise EngineFailed("The engine answered 500")
        return ["fine"]

    world = World()
    world.engine.reply = reply
    async with world.worker() as worker:
        answer = await world.answered(world.ask("poison"))
        assert answer["error"]["code"] == "engine_failed"
        assert not worker.done()


@in_jumping_time
async def test_message_under_which_three_engines_died_is_not_asked_again() -> None:
    world = World()
    request = world.ask("poison")
    for _ in range(3):
        world.answers.checkpoint(request, "", 0, "ses_0", engine_failures=1)
    async with world.worker():
        before = len(world.engine.prompts)
        answer = await world.answered(request)
        assert answer["error"]["code"] == "engine_failed" and len(world.engine.prompts) == before


@in_jumping_time
async def test_busy_engine_is_asked_again() -> None:
    world = World()
    async with world.worker():
        for _ in range(4):
            world.engine.fail_next(EngineBusy("no slot"))
        assert (await world.answered(world.ask("hello")))["status"] == "answered"


@in_jumping_time
async def test_failed_save_is_tried_again() -> None:
    world = World()
    request = world.ask("hello")
    world.engine.seconds_per_token = 0.1
    async with world.worker():
        await until(lambda: world.engine.running == 1 and bool(world.chat.hidden))
        for _ in range(3):
            world.answers.fail_next(ConnectionError("DynamoDB is down"))
        assert (await world.answered(request))["status"] == "answered"
        await until(lambda: world.chat.is_empty)


@in_jumping_time
async def test_message_that_cannot_be_read_now_is_tried_later() -> None:
    world = World()
    request = world.ask("hello")
    async with world.worker(serving=False):
        world.answers.fail_next(ConnectionError("DynamoDB is down"))
        await world.start_serving()
        await until(lambda: 5 in world.chat.hidings)
        world.chat.hide(list(world.chat.hidden.values()), 0)
        assert (await world.answered(request))["status"] == "answered"


@in_jumping_time
async def test_message_that_is_no_request_is_dropped() -> None:
    world = World()
    for body in ("{", "[]", '{"message_id": "msg_1"}', "null"):
        world.chat.put(body)
    async with world.worker() as worker:
        await until(lambda: world.chat.is_empty)
        assert not worker.done()


@in_jumping_time
async def test_message_of_an_unknown_kind_stays_in_the_queue() -> None:
    world = World()
    world.batch.put('{"kind": "shard"}')
    async with world.worker():
        await until(lambda: 5 in world.batch.hidings)
    assert not world.batch.is_empty


@in_jumping_time
async def test_chat_message_in_the_batch_queue_is_answered_too() -> None:
    world = World()
    request = world.answers.ask("hello")
    body = {"kind": "chat", "message_id": "msg_1", "conversation_id": "conv_1", "user_id": "user_1"}
    world.batch.put(json.dumps(body))
    async with world.worker():
        assert (await world.answered(request))["status"] == "answered"
        await until(lambda: world.batch.is_empty)


@in_jumping_time
async def test_engine_never_has_more_streams_than_slots_and_chat_goes_first() -> None:
    world = World(engine_slots=3)
    world.engine.seconds_per_token = 1.0
    async with world.worker():
        for i in range(10):
            world.ask("batch", message_id=f"msg_b{i}", conversation_id=f"conv_b{i}", queue=world.batch)
        await until(lambda: world.engine.running == 2)
        await asyncio.sleep(1)
        assert world.engine.running == 2, "a slot is kept for the next person"
        chats = [world.ask("chat", message_id=f"msg_c{i}", conversation_id=f"conv_c{i}") for i in range(5)]
        for chat in chats:
            await world.answered(chat)
        left = [p for p in world.answers.pending if p.startswith("msg_b")]
        assert left, "people were answered before the batch was done"
        await until(lambda: not world.answers.pending)
    assert world.engine.most_running == 3


@in_jumping_time
async def test_visibility_is_extended_while_an_answer_takes_its_time() -> None:
    world = World(visibility_seconds=30)
    world.engine.seconds_per_token = 20.0
    request = world.ask("hello")
    async with world.worker():
        await world.answered(request)
    assert world.chat.hidings.count(30) >= 5


@in_jumping_time
async def test_subscriber_that_comes_late_gets_the_whole_text() -> None:
    world = World()
    world.subscribe("early")
    world.engine.reply = lambda prompt: [f"w{i} " for i in range(40)]
    world.engine.seconds_per_token = 0.2
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: len(world.push.frames["early"]) > 10)
        world.subscribe("late")
        answer = await world.answered(request)
        await until(lambda: all(f[-1]["type"] == "message" for f in world.push.frames.values()))
    assert world.push.frames["late"][0]["offset"] == 0 and len(world.push.frames["late"][0]["text"]) > 30
    assert world.push.text_of("late") == world.push.text_of("early") == answer["content"]


@in_jumping_time
async def test_offsets_count_code_points() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["ação 🙂 ", "é\n", "boa"]
    world.engine.seconds_per_token = 1.0
    async with world.worker():
        await world.answered(world.ask("diga"))
        await until(lambda: world.push.frames["c1"][-1]["type"] == "message")
    assert [f["offset"] for f in world.push.frames["c1"][:-1]] == [0, 7, 9]


@in_jumping_time
async def test_gone_subscriber_is_not_posted_to_again() -> None:
    world = World()
    world.subscribe("gone")
    world.subscribe("here")
    world.push.gone.add("gone")
    async with world.worker():
        answer = await world.answered(world.ask("hello"))
        await until(lambda: world.push.frames["here"][-1:] != [] and world.push.text_of("here") == answer["content"])
    assert world.push.topics["CONVERSATION#conv_1"] == {"here"}


@in_jumping_time
async def test_failed_posts_lose_no_text() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["a", "b", "c", "d"]
    world.engine.seconds_per_token = 0.5
    async with world.worker():
        for _ in range(3):
            world.push.fail_next(ConnectionError("429"))
        await world.answered(world.ask("hello"))
        await until(lambda: world.push.frames["c1"] != [] and world.push.frames["c1"][-1]["type"] == "message")
    assert world.push.text_of("c1") == "abcd"


@in_jumping_time
async def test_posts_of_many_streams_stay_under_the_limit() -> None:
    world = World(engine_slots=30)
    world.engine.reply = lambda prompt: ["x"] * 500
    world.engine.seconds_per_token = 0.02
    async with world.worker():
        for i in range(30):
            world.subscribe(f"c{i}", f"conv_{i}")
            world.ask("hello", message_id=f"msg_{i}", conversation_id=f"conv_{i}")
        await until(lambda: world.engine.running == 30)
        await asyncio.sleep(2)
        before, started = sum(map(len, world.push.frames.values())), asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        posted = sum(map(len, world.push.frames.values())) - before
        rate = posted / (asyncio.get_running_loop().time() - started)
    assert MAX_POSTS_PER_SECOND / 3 < rate <= MAX_POSTS_PER_SECOND * 1.1


@in_jumping_time
async def test_very_long_text_is_sent_in_frames_that_fit() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["\x01" * 50_000]
    async with world.worker():
        await world.answered(world.ask("hello"))
        await until(lambda: world.push.frames["c1"][-1:] != [] and world.push.frames["c1"][-1]["type"] == "message")
    deltas = [frame for frame in world.push.frames["c1"] if frame["type"] == "delta"]
    assert len(deltas) == 4 and all(len(json.dumps(frame)) < 128 * 1024 for frame in deltas)


@in_jumping_time
async def test_checkpoints_come_at_most_once_a_second() -> None:
    world = World()
    world.engine.reply = lambda prompt: ["x"] * 100
    world.engine.seconds_per_token = 0.1
    async with world.worker() as worker:
        await world.answered(world.ask("hello"))
        assert 8 <= world.answers.checkpoints <= 10
        world.mailbox.change(end_requested=True)
        assert await ends(worker) == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "1", "null", '"x"', '{"message_id": "m"}'])
def test_bodies_that_are_no_requests(body: str) -> None:
    assert read_request(body) is None
