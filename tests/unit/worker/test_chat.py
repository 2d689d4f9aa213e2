"""What can happen to one message, with everything around the worker in memory."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import MOST_ANSWER_BYTES, BackendName, Delta, Finished, Prompt
from foreverus.choice.request_records import KeptChoice
from foreverus.conversations.records import AnswerStatus, PartialAnswer
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from foreverus.sessions.pending import moved
from foreverus.worker.chat import read_request
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
async def test_an_answers_record_says_why_the_gpu_was_chosen() -> None:
    world = World()
    request = world.ask("hello")
    choice = KeptChoice(backend=BackendName.GPU, reason="gpu_is_on", text="It is on.", numbers={"gpu_usd": 0.1})
    world.answers.questions["msg_1"] = replace(world.answers.questions["msg_1"], choice=choice)
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
    assert world.answers.answers["msg_1"].choice == choice
    assert world.shown(request)["choice"] == {
        "backend": "gpu",
        "reason": "gpu_is_on",
        "text": "It is on.",
        "numbers": {"gpu_usd": 0.1},
    }


@pytest.mark.parametrize("found", ["not begun", "begun by Bedrock", "begun by a GPU", "behind another one"])
@in_jumping_time
async def test_a_message_that_has_moved_to_bedrock_is_left_to_it(found: str) -> None:
    """Its reference may still be in the queue: written here too, it would be paid twice."""
    world = World()
    if found == "behind another one":
        world.answers.ask("one", message_id="msg_0")
    request = world.answers.ask("hello", message_id="msg_1")
    if found.startswith("begun"):
        session = "" if found == "begun by Bedrock" else "ses_0"
        world.answers.checkpoint(request, PartialAnswer("The se", 2), session)
    (waiting,) = [one for one in world.answers.pending.messages() if one.message_id == "msg_1"]
    world.answers.pending.add(moved(waiting))
    before = world.answers.answers.get("msg_1")
    world.deliver(request)
    async with world.worker():
        await until(lambda: world.chat.is_empty)
        await asyncio.sleep(10)
    assert not [one for one in world.engine.prompts if one.messages[-1].content == "hello"]
    assert world.answers.answers.get("msg_1") == before
    assert [one.message_id for one in world.answers.pending.on_bedrock()] == ["msg_1"]


@in_jumping_time
async def test_message_delivered_again_while_it_is_answered_takes_no_second_slot() -> None:
    world = World()
    world.engine.seconds_per_token = 3.0
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: world.engine.running == 1)
        for _ in range(3):
            world.deliver(request)
        await world.answered(request)
        await until(lambda: world.chat.is_empty)  # every delivery is settled
    assert world.engine.most_running == 1
    assert world.answers.session_usage["ses_1"]["messages"] == 1


@in_jumping_time
async def test_answer_that_became_final_elsewhere_stops_ours() -> None:
    world = World()
    world.engine.seconds_per_token = 3.0
    world.engine.reply = lambda prompt: ["word "] * 100
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: world.answers.checkpoints > 0)
        begun = world.answers.answers["msg_1"]
        world.answers.answers["msg_1"] = replace(begun, status=AnswerStatus.ANSWERED, content="theirs")
        await until(lambda: world.chat.is_empty)
        assert world.engine.running == 0
    assert world.shown(request)["content"] == "theirs"


@in_jumping_time
async def test_deleted_conversation_gets_no_answer() -> None:
    world = World()
    request = world.ask("hello")
    (pending,) = world.answers.pending.messages()
    world.answers.delete_conversation("conv_1")
    world.answers.pending.add(pending)
    async with world.worker():
        await until(lambda: world.chat.is_empty)
    assert world.answers.answer(request) is None and not world.answers.pending.work


@in_jumping_time
async def test_conversation_deleted_in_mid_answer_leaves_nothing_behind() -> None:
    world = World()
    world.engine.seconds_per_token = 2.0
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: world.answers.checkpoints > 0)
        world.answers.delete_conversation("conv_1")
        await until(lambda: world.chat.is_empty)
    assert world.answers.answer(request) is None and not world.answers.pending.work
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
    assert answer["trimmed_messages"] == 4


def holding(engine: MemoryEngine, messages: int) -> Callable[[Prompt], AsyncGenerator[Delta | Finished, None]]:
    """The engine's `stream` with a context of so many messages; each word of an answer takes the room of one."""
    whole = engine.stream

    async def stream(prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        room, said = messages - len(prompt.messages), 0
        async with aclosing(whole(prompt)) as events:
            async for event in events:
                if isinstance(event, Finished) or said == room:
                    yield Finished("stop" if isinstance(event, Finished) else "length", 1, said)
                    return
                said += 1
                yield event

    return stream


@pytest.mark.parametrize("room", [0, 1])
@in_jumping_time
async def test_answer_that_the_contexts_end_cuts_off_goes_on_without_the_oldest_turns(room: int) -> None:
    world = World()
    world.engine.reply = lambda prompt: ["one ", "two ", "three ", "four"]
    async with world.worker():
        for i in range(9):
            await world.answered(world.ask(f"question {i}", message_id=f"msg_{i}"))
        vars(world.engine)["stream"] = holding(world.engine, 20 + room)
        answer = await world.answered(world.ask("question 9", message_id="msg_9"))
    assert (answer["content"], answer["finish_reason"]) == ("one two three four", "stop")
    assert answer["trimmed_messages"] == 10


@in_jumping_time
async def test_answer_that_fills_the_context_ends_as_cut() -> None:
    world = World()
    request = world.ask("hello")
    world.answers.checkpoint(request, PartialAnswer("a very long beginning", 900), "ses_0")
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
        await until(lambda: [one["type"] for one in world.push.frames["c1"]][-1:] == ["message"])
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
        world.answers.checkpoint(request, PartialAnswer("", 0, engine_failures=1), "ses_0")
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
    world.batch.put('{"kind": "dream"}')
    async with world.worker():
        await until(lambda: 5 in world.batch.hidings)
    assert not world.batch.is_empty


@in_jumping_time
async def test_engine_never_has_more_streams_than_slots() -> None:
    world = World(engine_slots=3)
    world.engine.seconds_per_token = 1.0
    async with world.worker():
        asked = [world.ask("chat", message_id=f"msg_{i}", conversation_id=f"conv_{i}") for i in range(10)]
        for request in asked:
            await world.answered(request)
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


@in_jumping_time
async def test_an_answer_without_an_end_is_stopped_where_the_table_is_full() -> None:
    """A model that repeats a line of a table's border writes 3 bytes a character, and many characters a token."""
    world = World()
    world.engine.reply = lambda prompt: ["─" * 800] * 200
    request = world.ask("draw a table")
    async with world.worker():
        shown = await world.answered(request)
        await until(lambda: world.chat.is_empty and world.engine.running == 0)
    assert MOST_ANSWER_BYTES - 4 < len(str(shown["content"]).encode()) <= MOST_ANSWER_BYTES
    assert (shown["status"], shown["finish_reason"]) == ("answered", "length")
    assert shown["usage"]["completion_tokens"] == MOST_ANSWER_BYTES // 2400 + 1  # the engine was not heard to its end
