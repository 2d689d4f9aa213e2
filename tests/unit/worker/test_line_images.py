"""The images of a batch's lines in what a GPU answers, where its model sees."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from foreverus.abilities.read_image.checking import checked
from foreverus.backends.port import Prompt
from foreverus.backends.sights import SIGHTS
from foreverus.batches.records import BatchStatus, LineResult
from foreverus.batches.shards.resources import LineRef
from foreverus.conversations.records import MessageRef
from foreverus.errors import PromptRejected
from foreverus.worker.consumer import RETRY_LATER_S
from foreverus.worker.images import GpuEyes
from foreverus.worker.line_images import LENT_AT_ONCE, LineEyes
from tests.unit.abilities.images import jpeg, png
from tests.unit.batches.altering import alter
from tests.unit.batches.shards.harness import REF, results, submit
from tests.unit.batches.shards.test_images import NAMED, SPELLED, asking
from tests.unit.worker.batches import DONE, CountingEngine, comes_back, is_done, use_engine
from tests.unit.worker.harness import World, in_jumping_time, until

PHOTO = jpeg(9, 7)


@dataclass
class Lender:
    """Of addresses, and of what is behind them. `lent`: by the images' ids; None: the line is nobody's to answer."""

    lent: dict[str, bytes] | None
    fails: int = 0
    asked: list[LineRef] = field(default_factory=list)

    def __call__(self, ref: LineRef) -> Mapping[str, str] | None:
        self.asked.append(ref)
        if self.fails:
            self.fails -= 1
            raise OSError("no function")
        return None if self.lent is None else {one: f"https://bucket/{one}" for one in self.lent}

    def fetch(self, url: str) -> bytes | None:
        return (self.lent or {})[url.rpartition("/")[2]] or None


def nobody_asks(message: MessageRef, file_ids: Sequence[str]) -> Mapping[str, str]:
    raise AssertionError("no conversation shows any")


def seeing(*lines: bytes, lent: Any = None, fails: int = 0) -> tuple[World, Lender]:
    world, lender = World(), Lender({} if lent is None else lent, fails)
    use_engine(world, CountingEngine())
    world.tasks.open.add("round-1")
    for body in submit(world.batches, world.objects, lines, 10):
        world.batch.put(body)
    of_lines = LineEyes(model_id="qwen", lend=lender, fetch=lender.fetch)
    world.ports.eyes = GpuEyes(sight=SIGHTS["qwen-vl"], context_tokens=2048, lend=nobody_asks, of_lines=of_lines)
    return world, lender


async def answered(world: World) -> dict[int, LineResult]:
    async with world.worker():
        await until(lambda: is_done(world.batches))
        await until(lambda: DONE in world.tasks.results)
    return results(world.batches)


def shown(world: World) -> list[list[bytes]]:
    """Of each prompt with images, their bytes."""
    return [[one.data for one in prompt.images] for prompt in world.engine.prompts if prompt.images]


def error(line: LineResult) -> str | None:
    return line.error.code if line.error else None


@in_jumping_time
async def test_engine_sees_what_a_line_names_and_what_it_spells_and_the_output_says_who_saw() -> None:
    world, lender = seeing(asking(1, NAMED, SPELLED), asking(2, SPELLED), asking(3), lent={"file_1": PHOTO})
    lines = await answered(world)
    assert sorted(shown(world), key=len) == [[checked(png()).data], [checked(PHOTO).data, checked(png()).data]]
    assert lender.asked == [LineRef(REF, 1, 0, 1)], "one that spells its images needs no address"
    assert [lines[number].images_seen_by for number in (1, 2, 3)] == ["qwen", "qwen", ""]
    assert {one.by for one in lines.values()} == {"ses_1"} and not any(map(error, lines.values()))
    (shard,) = world.batches.shards(REF.batch_id)
    assert (shard.completed, shard.seen_prompt_tokens, shard.bedrock_prompt_tokens) == (3, 0, 0)


GONE = ({}, "image_not_found"), ({"file_1": b""}, "image_not_found"), ({"file_1": b"%PDF"}, "invalid_image")


@in_jumping_time
async def test_image_that_is_gone_or_none_is_its_lines_error_and_nobody_is_asked_without_it() -> None:
    for lent, code in GONE:
        world, _ = seeing(asking(1, NAMED), asking(2), lent=lent)
        lines = await answered(world)
        assert error(lines[1]) == code and lines[2].text and shown(world) == []


@pytest.mark.parametrize(("fails", "code"), [(2, None), (3, "images_not_fetched")])
@in_jumping_time
async def test_image_that_cannot_be_fetched_is_tried_again_and_then_its_lines_error(
    fails: int, code: str | None
) -> None:
    world, lender = seeing(asking(1, NAMED), asking(2), lent={"file_1": PHOTO}, fails=fails)
    lines = await answered(world)
    assert error(lines[1]) == code and lines[2].text and len(lender.asked) == 3
    assert len(shown(world)) == (0 if code else 1)


@in_jumping_time
async def test_line_that_is_nobodys_any_more_is_no_error_of_its() -> None:
    """Its batch has moved on while it waited for a slot: whoever has it now answers it."""
    world, lender = seeing(asking(1, NAMED))
    lender.lent = None
    async with world.worker():
        await until(lambda: RETRY_LATER_S in world.batch.hidings)
        assert results(world.batches) == {} and shown(world) == [] and len(lender.asked) == 1
        comes_back(world.batch)
        alter(world.batches, REF, status=BatchStatus.CANCELLING)
        await until(lambda: world.batch.is_empty)
    assert results(world.batches) == {} and len(lender.asked) == 1


@in_jumping_time
async def test_engine_that_takes_no_images_is_not_asked_without_them() -> None:
    world, _ = seeing(asking(1, SPELLED))

    class Refusing(CountingEngine):
        async def complete(self, prompt: Prompt) -> Any:
            if prompt.images:
                raise PromptRejected("The GPU's model did not take the images: no", "images_refused")
            return await super().complete(prompt)

    use_engine(world, Refusing())
    lines = await answered(world)
    assert error(lines[1]) == "images_refused" and lines[1].images_seen_by == "qwen"


@in_jumping_time
async def test_machine_that_is_shown_none_answers_the_lines_without_and_says_so_of_the_others() -> None:
    world, _ = seeing(asking(1, SPELLED), asking(2))
    world.ports.eyes = None
    lines = await answered(world)
    assert error(lines[1]) == "images_not_seen" and not lines[1].images_seen_by and lines[2].text


@in_jumping_time
async def test_time_in_which_a_line_keeps_a_slot_for_its_images_is_paid() -> None:
    world, _ = seeing(asking(1, NAMED), lent={"file_1": PHOTO})
    inner = world.ports.run_passages

    async def slow(function: Any, /, *args: Any) -> Any:
        await asyncio.sleep(3)
        return await inner(function, *args)

    world.ports.run_passages = slow  # type: ignore[assignment]
    await answered(world)
    (shard,) = world.batches.shards(REF.batch_id)
    assert shard.slot_seconds["ses_1"] == pytest.approx(3 + 5 * 0.1, abs=0.05)


@in_jumping_time
async def test_few_lines_at_once_ask_for_addresses() -> None:
    """Each is a call of Lambda, of which a new account may have ten."""
    world, _ = seeing(*(asking(number, NAMED) for number in range(1, 9)), lent={"file_1": PHOTO})
    inner, running, most = world.ports.run_passages, 0, 0

    async def counted(function: Any, /, *args: Any) -> Any:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(1)
        running -= 1
        return await inner(function, *args)

    world.ports.run_passages = counted  # type: ignore[assignment]
    assert len(await answered(world)) == 8 and most == LENT_AT_ONCE
