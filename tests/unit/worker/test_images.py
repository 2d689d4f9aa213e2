"""The images of a conversation in what a GPU answers, where its model sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from foreverus.backends.images import ImageKind
from foreverus.backends.sights import SIGHTS
from foreverus.conversations.records import MessageRef, PartialAnswer
from foreverus.conversations.shown import ShownImage
from foreverus.errors import PromptRejected
from foreverus.worker.images import TRIES, GpuEyes
from tests.unit.worker.harness import World, in_jumping_time


def image(name: str, side: int = 280, text: str | None = None) -> ShownImage:
    return ShownImage(file_id=name, kind=ImageKind.PNG, width=side, height=side, bytes=len(name), text=text)


@dataclass
class Lender:
    """Of addresses, and of the bytes behind them: each image's is its name."""

    gone: set[str] = field(default_factory=set)
    fails: int = 0
    asked: list[tuple[MessageRef, list[str]]] = field(default_factory=list)

    def __call__(self, message: MessageRef, file_ids: Sequence[str]) -> Mapping[str, str]:
        self.asked.append((message, list(file_ids)))
        if self.fails:
            self.fails -= 1
            raise OSError("no function")
        return {one: f"https://bucket/{one}" for one in file_ids if one not in self.gone}

    def fetch(self, url: str) -> bytes | None:
        return url.rpartition("/")[2].encode()


def seeing_world(*images: ShownImage, family: str = "qwen-vl", **changes: object) -> tuple[World, Lender, MessageRef]:
    world, lender = World(**changes), Lender()
    sight, context = SIGHTS[family], world.settings.context_tokens
    world.ports.eyes = GpuEyes(sight=sight, context_tokens=context, lend=lender, fetch=lender.fetch)
    request = world.answers.ask("What is this?")
    show(world, "msg_1", *images)
    return world, lender, request


def show(world: World, message_id: str, *images: ShownImage) -> None:
    world.answers.questions[message_id] = replace(world.answers.questions[message_id], images=images)


def shown(world: World, at: int = -1, message: int = -1) -> list[bytes]:
    return [one.data for one in world.engine.prompts[at].messages[message].images]


@in_jumping_time
async def test_the_engine_sees_what_the_question_shows() -> None:
    world, lender, request = seeing_world(image("a"), image("b"))
    world.deliver(request)
    async with world.worker():
        assert (await world.answered(request))["status"] == "answered"
    asked = world.engine.prompts[1]
    assert shown(world, 1) == [b"a", b"b"] and asked.messages[-1].content == "What is this?"
    assert lender.asked == [(request, ["a", "b"])]


@in_jumping_time
async def test_a_later_question_is_shown_them_again() -> None:
    world, lender, request = seeing_world(image("a"))
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
        later = world.ask("And now?", message_id="msg_2")
        await world.answered(later)
    prompt = next(one for one in world.engine.prompts if one.messages[-1].content == "And now?")
    assert [one.data for one in prompt.images] == [b"a"] and prompt.messages[1].content == "What is this?"
    assert lender.asked[-1] == (later, ["a"])


@in_jumping_time
async def test_one_that_is_gone_is_said_in_its_place() -> None:
    world, lender, request = seeing_world(image("a"), image("b"))
    lender.gone.add("a")
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
    assert shown(world, 1) == [b"b"]
    assert world.engine.prompts[1].messages[-1].content.endswith("[An image was shown here, which you cannot see.]")


@in_jumping_time
async def test_what_cannot_be_fetched_is_an_error_and_no_answer_without_it() -> None:
    world, lender, request = seeing_world(image("a"))
    lender.fails = TRIES
    world.deliver(request)
    async with world.worker():
        answer = await world.answered(request)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "images_not_fetched")
    assert len(world.engine.prompts) == 1, "the boot's own question alone"


@in_jumping_time
async def test_it_is_tried_again_and_then_seen() -> None:
    world, lender, request = seeing_world(image("a"))
    lender.fails = TRIES - 1
    world.deliver(request)
    async with world.worker():
        assert (await world.answered(request))["status"] == "answered"
    assert shown(world, 1) == [b"a"]


@in_jumping_time
async def test_engine_that_takes_no_images_is_not_asked_without_them() -> None:
    world, _, request = seeing_world(image("a"))
    async with world.worker():
        world.engine.fail_next(PromptRejected("The GPU's model did not take the images: no", "images_refused"))
        world.deliver(request)
        answer = await world.answered(request)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "images_refused")
    assert len(world.engine.prompts) == 2


@in_jumping_time
async def test_images_without_room_are_an_error_that_says_so() -> None:
    world, _, request = seeing_world(image("a", 1024), image("b", 1024), family="pixtral")
    world.deliver(request)
    async with world.worker():
        answer = await world.answered(request)
    assert answer["error"]["code"] == "context_length_exceeded" and "Send fewer" in answer["error"]["message"]


@in_jumping_time
async def test_the_newest_of_earlier_ones_that_leave_half_of_the_context_are_shown() -> None:
    world, lender, request = seeing_world(image("old", 700))  # 627 tokens of 2,048
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
        newer = world.answers.ask("And this?", message_id="msg_2")
        show(world, "msg_2", image("new", 700))
        world.deliver(newer)
        await world.answered(newer)
    assert lender.asked[-1] == (newer, ["new"])
    asked = next(one for one in world.engine.prompts if one.messages[-1].content == "And this?")
    assert "which you cannot see" in asked.messages[1].content and not asked.messages[1].images


@in_jumping_time
async def test_turns_leave_room_for_images() -> None:
    """An engine that counts words: its prompts, with what the images take, leave room for the answer."""
    world, *_ = seeing_world(image("a", 800))
    world.engine.tokens_of = lambda prompt: sum(len(one.content.split()) for one in prompt.messages)
    async with world.worker():
        for number in range(3, 9):
            await world.answered(world.ask("word " * 200, message_id=f"msg_0{number}"))
        last = world.answers.ask("What is this?", message_id="msg_2")
        show(world, "msg_2", image("a", 800))
        world.deliver(last)
        await world.answered(last)
    prompt = next(one for one in world.engine.prompts if one.images)
    words = sum(len(one.content.split()) for one in prompt.messages)
    assert words + SIGHTS["qwen-vl"].tokens(800, 800) <= world.settings.context_tokens


@pytest.mark.parametrize("text", ["ZEBRA", ""])
@in_jumping_time
async def test_what_was_read_instead_stays_read_as_its_choice_says(text: str) -> None:
    world, lender, request = seeing_world(image("a", text=text))
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
    assert not world.engine.prompts[1].images and lender.asked == []


@in_jumping_time
async def test_an_answer_that_was_begun_is_continued_with_them() -> None:
    world, _, request = seeing_world(image("a"))
    world.answers.checkpoint(request, PartialAnswer("You ", 1), "ses_0")
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
    asked = world.engine.prompts[1]
    assert asked.continues and shown(world, 1, -2) == [b"a"]


@in_jumping_time
async def test_model_that_sees_nothing_reads_that_something_was_shown() -> None:
    world, _, request = seeing_world(image("a"))
    world.ports.eyes = None
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
    assert world.engine.prompts[1].messages[-1].content.endswith("which you cannot see.]")
