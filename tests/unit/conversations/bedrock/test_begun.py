"""A conversation's first message on Bedrock: the person's other pages hear of it, and nobody's first word waits."""

import pytest

from foreverus.aws import keys
from foreverus.aws.socket_keys import conversations_topic
from foreverus.backends.port import BackendName
from foreverus.conversations.bedrock.writing import CHECKPOINT_S
from foreverus.errors import BackendUnavailable
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.worker.harness import in_jumping_time


def scene_with_a_list(aws: Aws) -> Scene:
    scene = Scene(aws)
    scene.push.subscribe(conversations_topic(USER), "list")
    return scene


def called(scene: Scene, words: str) -> str:
    """A conversation without a title, whose first message began so."""
    conversation = scene.converse(title="")
    scene.aws.items.update(keys.conversation_key(USER, conversation), "SET first_words = :words", {":words": words})
    return conversation


@in_jumping_time
async def test_it_is_told_once_beside_the_answer(aws: Aws) -> None:
    scene = scene_with_a_list(aws)
    scene.backend.seconds_per_token = CHECKPOINT_S / 2
    told: list[int] = []
    scene.backend.at_word = lambda number: told.append(len(scene.push.frames["list"]))
    conversation, _ = scene.ask("Blue?", called(scene, "Blue?"))
    await scene.run(conversation)
    assert told[0] == 0 and told[3] == 1, "not before the first word, and before the last"
    begun = scene.push.frames["list"][0]["conversation"]
    assert (begun["id"], begun["title"]) == (conversation, "Blue?")
    before = len(scene.push.frames["list"])
    scene.ask("And at night?", conversation)
    await scene.run(conversation)
    assert len(scene.push.frames["list"]) == before, "only what changes the list"


@pytest.mark.parametrize("title", ["Mine", ""])
@in_jumping_time
async def test_of_a_short_answer_with_its_end(aws: Aws, title: str) -> None:
    scene = scene_with_a_list(aws)
    scene.backend.seconds_per_token = 0.0
    conversation, _ = scene.ask("Blue?", scene.converse(title=title))
    await scene.run(conversation)
    assert scene.push.frames["list"][0]["conversation"]["id"] == conversation


@in_jumping_time
async def test_what_goes_to_the_gpu_is_told_too(aws: Aws) -> None:
    scene = scene_with_a_list(aws)
    scene.backend.fail_next(BackendUnavailable("no access"))
    conversation, message = scene.ask("Blue?", called(scene, "Blue?"))
    await scene.run(conversation)
    assert scene.waiting() == {BackendName.GPU.value: [message], BackendName.BEDROCK.value: []}
    assert [frame["conversation"]["title"] for frame in scene.push.frames["list"]] == ["Blue?"]


@in_jumping_time
async def test_a_title_that_it_has_by_then_is_not_taken_back(aws: Aws) -> None:
    scene = scene_with_a_list(aws)
    conversation, _ = scene.ask("Blue?", called(scene, "Blue?"))
    aws.put(**keys.title_key(conversation), title="The sea")
    await scene.run(conversation)
    assert scene.push.frames["list"] == []


@in_jumping_time
async def test_where_it_cannot_be_told_the_answer_stands(aws: Aws) -> None:
    scene = scene_with_a_list(aws)
    scene.push.fail_next(ConnectionError("down"))
    conversation, _ = scene.ask("Blue?", called(scene, "Blue?"))
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "The sea is blue "
