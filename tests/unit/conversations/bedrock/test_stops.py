"""A person stops an answer that Bedrock writes: what is there stays and is paid for, once, whenever the stop comes."""

import asyncio

import pytest

from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import MessageRef
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.worker.harness import in_jumping_time

WORDS = [f"{number} " for number in range(200)]


def slowly(scene: Scene, seconds_per_token: float = 0.2) -> None:
    scene.backend = type(scene.backend)("".join(WORDS))
    scene.backend.seconds_per_token = seconds_per_token


@in_jumping_time
async def test_it_ends_within_a_second_with_its_text_its_cost_and_its_frame(aws: Aws) -> None:
    scene = Scene(aws)
    slowly(scene)
    conversation, message = scene.ask("count")
    scene.watch(conversation)
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(scene.run(conversation))
    await asyncio.sleep(5)
    assert DynamoAnswers(aws.items).request_stop(MessageRef(message, conversation, USER))
    asked_at = loop.time()
    assert await running == "done" and loop.time() - asked_at < 1.0
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["finish_reason"], answer["backend"]) == ("answered", "stopped", "bedrock")
    assert len(answer["content"].split()) >= 20 and answer["content"] == scene.push.text_of("page")
    assert scene.push.frames["page"][-1]["message"] == answer and "stop_requested" not in answer
    assert answer["usage"]["completion_tokens"] == len(answer["content"].split())
    assert set(scene.entries()) == {f"{conversation}/{message}"} and scene.spent() > 0
    assert scene.waiting() == {"gpu": [], "bedrock": []} and scene.reserved() == []
    assert scene.used()["bedrock_chat_messages"] == 1


@in_jumping_time
async def test_no_word_is_shown_that_is_not_kept_where_the_table_is_slow(aws: Aws) -> None:
    """Bedrock would write a dozen words more while the stop is read and the end is saved."""
    scene = Scene(aws)
    slowly(scene, 0.05)
    scene.latency_s = 0.3
    conversation, message = scene.ask("count")
    scene.watch(conversation)
    running = asyncio.create_task(scene.run(conversation))
    await asyncio.sleep(5)
    assert DynamoAnswers(aws.items).request_stop(MessageRef(message, conversation, USER))
    assert await running == "done"
    answer = scene.answer_to(conversation)
    assert answer["finish_reason"] == "stopped" and len(answer["content"].split()) > 20
    assert answer["content"].startswith(scene.push.text_of("page"))
    assert answer["usage"]["completion_tokens"] == len(answer["content"].split())


@in_jumping_time
async def test_one_whose_function_was_killed_is_ended_by_the_next_call_and_asks_nobody(aws: Aws) -> None:
    scene = Scene(aws)
    slowly(scene)
    conversation, message = scene.ask("count")
    running = asyncio.create_task(scene.run(conversation))
    await asyncio.sleep(5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert DynamoAnswers(aws.items).request_stop(MessageRef(message, conversation, USER))
    await asyncio.sleep(60)  # its lease is over
    asked = len(scene.backend.prompts)
    assert await scene.run(conversation) == "done"
    answer = scene.answer_to(conversation)
    assert answer["finish_reason"] == "stopped" and answer["content"].startswith("0 1 2 ")
    assert len(scene.backend.prompts) == asked and scene.spent() > 0
    assert scene.waiting() == {"gpu": [], "bedrock": []} and scene.reserved() == []


@pytest.mark.parametrize("moment", range(0, 24))
@in_jumping_time
async def test_whenever_the_stop_comes_there_is_one_answer_paid_for_once(aws: Aws, moment: int) -> None:
    """Before the function has read it, between its steps, between the last word and the save, after."""
    scene = Scene(aws)
    scene.backend.seconds_per_token = 0.1
    conversation, message = scene.ask("What colour is the sea?")
    scene.watch(conversation)
    named, answers = MessageRef(message, conversation, USER), DynamoAnswers(aws.items)
    running = asyncio.create_task(scene.run(conversation))
    await asyncio.sleep(moment * 0.025)
    if not answers.request_stop(named):
        answers.end_unbegun(named, scene.clock())
    await running
    answer = scene.answer_to(conversation)
    assert answer["status"] == "answered" and "The sea is blue ".startswith(answer["content"])
    assert answer["finish_reason"] in ("stop", "stopped")
    assert scene.waiting() == {"gpu": [], "bedrock": []} and scene.reserved() == []
    assert len([one for one in scene.entries() if one.startswith(f"{conversation}/{message}")]) <= 1
