"""What a worker measures: each answer once, however often it is delivered, and what people waited for."""

import asyncio
import json
from typing import Any

import pytest

from foreverus.backends.port import Health, Prompt
from foreverus.errors import EngineFailed, PromptRejected
from foreverus.metric_definitions import Name
from foreverus.worker.shutdown import spot_interrupted
from tests.metrics_seen import metrics_of
from tests.unit.batches.shards.harness import results
from tests.unit.worker.batches import CountingEngine, world_with
from tests.unit.worker.harness import World, ends, in_jumping_time, until
from tests.unit.worker.test_spot import announce


def values(world: World, wanted: Name) -> list[float]:
    found = [one for line in world.measured for one in metrics_of(line)]
    return [value for name, _, many, _ in found if name is wanted for value in many]


def about(world: World) -> list[dict[str, Any]]:
    return [json.loads(line) for line in world.measured]


@in_jumping_time
async def test_an_answer_is_measured_once_however_often_it_is_delivered() -> None:
    world = World()
    world.engine.seconds_per_token = 0.5
    request = world.ask("hello")
    world.deliver(request)
    async with world.worker():
        await world.answered(request)
        world.deliver(request)
        await until(lambda: world.chat.is_empty)
    (one,) = about(world)
    assert (one["backend"], one["kind"], one["FailedPercent"]) == ("gpu", "chat", 0.0)
    assert 0 < one["FirstWordSeconds"] < one["AnswerSeconds"]


@in_jumping_time
async def test_who_waited_for_the_boot_waits_from_its_end() -> None:
    """The boot is the session's; else each cold start would be a slow answer, and hide what is slow."""
    world = World()
    world.engine.seconds_per_token = 0.5
    world.engine.state = Health.LOADING
    request = world.ask("hello")
    async with world.worker(serving=False):
        await asyncio.sleep(400)
        world.engine.state = Health.GOOD
        await world.start_serving()
        await world.answered(request)
    assert values(world, Name.ANSWER)[0] < 30


@pytest.mark.parametrize("person", ["secret-marker-of-a-person", "ana@example.com"])
@in_jumping_time
async def test_nothing_that_a_person_wrote_or_is_called_is_in_a_metric(person: str) -> None:
    world = World()
    world.engine.reply = lambda prompt: [person]
    request = world.ask(person)
    async with world.worker():
        await world.answered(request)
    (line,) = world.measured
    assert person not in line and request.user_id not in line and request.conversation_id not in line


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (PromptRejected("The prompt is longer than the model's context.", "context_length_exceeded"), 0.0),
        (PromptRejected("No."), 0.0),
        (EngineFailed("The engine answered 500"), 100.0),
    ],
)
@in_jumping_time
async def test_what_no_model_would_answer_is_no_failure_of_ours(error: Exception, failed: float) -> None:
    def reply(prompt: Prompt) -> list[str]:
        if "poison" in prompt.messages[-1].content:
            raise error
        return ["fine"]

    world = World()
    world.engine.reply = reply
    async with world.worker():
        assert (await world.answered(world.ask("poison")))["status"] == "failed"
    assert (values(world, Name.FAILED), values(world, Name.ANSWER)) == ([failed], [])


@in_jumping_time
async def test_a_stopped_answer_has_a_first_word_and_no_length() -> None:
    world = World()
    world.engine.seconds_per_token = 0.25
    world.engine.reply = lambda prompt: ["word "] * 1000
    request = world.ask("count", max_tokens=1000)
    async with world.worker():
        await until(lambda: world.engine.running == 1)
        await asyncio.sleep(3)
        assert world.answers.request_stop(request)
        world.mailbox.change(stops=frozenset({request.message_id}))
        await world.answered(request)
    assert (len(values(world, Name.FIRST_WORD)), values(world, Name.ANSWER)) == (1, [])
    assert values(world, Name.FAILED) == [0.0]


@pytest.mark.parametrize("end", ["all done", "spot notice", "SIGTERM", "no engine"])
@in_jumping_time
async def test_a_worker_that_ends_has_told_of_each_line_that_it_recorded(end: str) -> None:
    world = world_with(lines=90, a_shard=30, engine=CountingEngine(1.0))
    async with world.worker() as worker:
        await until(lambda: len(results(world.batches)) >= (90 if end == "all done" else 21))
        if end == "spot notice":
            announce(world)
        elif end == "SIGTERM":
            world.shutdown.begin(spot_interrupted("The worker got SIGTERM."))
        elif end == "no engine":
            world.engine.state = Health.BAD
        await ends(worker)
    recorded = len(results(world.batches))
    assert values(world, Name.FAILED) == [0.0] * recorded
    assert sum(one["requests"] for one in about(world)) == recorded
