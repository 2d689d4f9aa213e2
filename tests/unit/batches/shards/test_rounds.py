"""One round, two calls of its function: one of them spends, and both answer the same."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from foreverus.aws import keys
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.shards.on_bedrock import LAST_S
from foreverus.batches.shards.rounds import BegunRound, MemoryRounds, RoundAnswer, Rounds, RoundStore
from foreverus.errors import EngineBusy
from tests.unit.batches.altering import alter
from tests.unit.batches.shards.harness import REF, results
from tests.unit.batches.shards.test_on_bedrock import START, Bedrock, Round, held, rich
from tests.unit.conftest import NOW, Aws
from tests.unit.worker.harness import in_jumping_time

FIRST, SECOND = BegunRound("a", "2026-01-01T12:15:00.000Z"), BegunRound("b", "2026-01-01T12:20:00.000Z")


@pytest.fixture(params=["dynamodb", "memory"])
def rounds(request: pytest.FixtureRequest) -> Rounds:
    if request.param == "memory":
        return MemoryRounds()
    aws: Aws = request.getfixturevalue("aws")
    return RoundStore(aws.items)


WITH_ERRORS = [RoundAnswer(7, ExecutionError("EngineBusy", "slow")), RoundAnswer(1, ExecutionError(""))]


@pytest.mark.parametrize("answer", [RoundAnswer(0), RoundAnswer(7), *WITH_ERRORS])
def test_one_call_begins_a_round_and_the_other_finds_what_it_has_answered(rounds: Rounds, answer: RoundAnswer) -> None:
    assert rounds.get(REF, 1) is None
    assert rounds.begin(REF, 1, FIRST, NOW)
    assert not rounds.begin(REF, 1, SECOND, NOW)
    assert rounds.begin(REF, 1, FIRST, NOW), "the SDK's own second try of a write whose answer was lost"
    assert rounds.get(REF, 1) == FIRST
    rounds.end(REF, 1, answer)
    found = rounds.get(REF, 1)
    assert found is not None and (found.until, found.answer) == (FIRST.until, answer)
    assert not rounds.begin(REF, 1, SECOND, NOW), "also when it is over"
    assert rounds.begin(REF, 2, SECOND, NOW), "the next round is another one"


def test_a_note_expires_with_the_lines_and_is_no_shard(aws: Aws) -> None:
    RoundStore(aws.items).begin(REF, 3, FIRST, NOW)
    (item,) = aws.items.query(keys.shards_partition(REF.batch_id))
    assert item["expires_at"] == int((NOW + timedelta(days=7)).timestamp())
    assert list(aws.items.query(keys.shards_partition(REF.batch_id), "SHARD#")) == []


async def twice(batch: Round, after_s: float, seconds: float = 800) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both calls' answers; the second begins so much later."""

    async def second() -> dict[str, Any]:
        await asyncio.sleep(after_s)
        return await batch.answer(seconds)

    first, other = await asyncio.gather(batch.answer(seconds), second())
    return first, other


@pytest.mark.parametrize("after_s", [0.0, 0.5, 1.9, 2.0, 2.1, 5.0, 11.0, 12.9, 14.0, 60.0])
@pytest.mark.parametrize("usd", [0.0, 0.01, 0.02, 1000.0])
@in_jumping_time
async def test_two_calls_take_what_one_may(after_s: float, usd: float) -> None:
    """US$ 0.003 at most a line, at 16 in flight: what is short is short once."""
    once = Round(Bedrock())
    once.purse.shrink("2026-01", REF.batch_id, usd)
    alone = await once.answer()
    backend = Bedrock()
    batch = Round(backend)
    batch.purse.shrink("2026-01", REF.batch_id, usd)
    first, second = await twice(batch, after_s)
    assert first == alone and second["left"] == first["left"]
    assert held(batch.purse) <= usd
    asked = [prompt.messages[-1].content for prompt in backend.prompts]
    assert len(asked) == len(set(asked)) == 100 - first["left"]
    if usd == 1000.0:
        assert first == second == {"left": 0} and len(results(batch.store)) == 100


@in_jumping_time
async def test_the_second_call_says_why_the_first_one_did_not_go_on() -> None:
    first, second = await twice(Round(Bedrock(quota=0)), 3.0)
    assert first == second and first["error"]["Error"] == EngineBusy.__name__


@in_jumping_time
async def test_a_call_that_was_cut_off_is_waited_for_and_what_it_left_is_not_taken_up() -> None:
    """A new plan does that, with what is reserved then."""
    backend = Bedrock()
    batch = Round(backend, lines=1000, a_shard=100)
    first = asyncio.create_task(batch.answer(30))
    await asyncio.sleep(5)
    first.cancel()
    asked = len(backend.prompts)
    answer = await batch.answer(800)
    over = asyncio.get_running_loop().time()
    assert 30 + LAST_S <= over <= 30 + LAST_S + 5, "until it is over at the latest, and no longer"
    assert answer == {"left": 1000 - len(results(batch.store))} and len(backend.prompts) == asked
    batch.purse.reservations.update(rich().reservations)
    alter(batch.store, REF, round=2)
    assert await batch.answer(round_=2) == {"left": 0}


@in_jumping_time
async def test_a_second_call_waits_no_longer_than_it_lives_itself() -> None:
    batch = Round(Bedrock(), lines=1000, a_shard=100)
    far = BegunRound("another", "2026-01-02T00:00:00.000Z")
    assert batch.on.rounds.begin(REF, 1, far, START)
    assert await batch.answer(40) == {"left": 1000}
    assert asyncio.get_running_loop().time() <= 40 + LAST_S + 3


@pytest.mark.parametrize("call", ["begin", "get", "end"])
@in_jumping_time
async def test_a_note_that_cannot_be_written_or_read_spends_nothing_twice(call: str) -> None:
    backend = Bedrock()
    batch = Round(backend)

    def down(*args: Any) -> Any:
        raise ConnectionError("no route to DynamoDB")

    setattr(batch.on.rounds, call, down)
    if call == "begin":
        with pytest.raises(ConnectionError):
            await batch.answer()
        assert backend.prompts == [], "the state machine plans again"
        return
    if call == "get":
        assert batch.on.rounds.begin(REF, 1, BegunRound("x", "2026-01-01T13:00:00.000Z"), START)
        with pytest.raises(ConnectionError):
            await batch.answer()
        assert backend.prompts == []
        return
    assert await batch.answer() == {"left": 0}
    assert len(backend.prompts) == 100
