"""A round on Bedrock: as fast as the quota allows, and never longer than its Lambda lives."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.limiter import Limiter
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Prompt
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import BatchStatus, LineResult, ShardProgress, all_done
from foreverus.batches.shards.on_bedrock import OnBedrock
from foreverus.batches.shards.rounds import MemoryRounds
from foreverus.costs.money import exact
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from foreverus.worker.contact import Contact, RunInline
from tests.unit.batches.altering import alter, known
from tests.unit.batches.shards.harness import REF, asked, line, reply, results, submit
from tests.unit.worker.harness import in_jumping_time

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Bedrock(MemoryEngine):
    """Answers in two seconds, at most `quota` at once; says what it is told to of certain lines."""

    def __init__(self, quota: int = 1000, **failures: Exception):
        super().__init__(reply(lambda content: ["two ", "words"]), 1.0)
        self.quota = quota
        self.failures = failures
        self.refused = 0

    async def complete(self, prompt: Prompt) -> Completion:
        if self.running >= self.quota:
            self.refused += 1
            raise EngineBusy("ThrottlingException")
        if asked(prompt) in self.failures:
            self.prompts.append(prompt)
            raise self.failures[asked(prompt)]
        return await super().complete(prompt)


PRICE = TokenPrice(100.0, 100.0, "test")


def rich(usd: float = 1000.0) -> MemoryPurse:
    """In which the batch has reserved so much."""
    purse = MemoryPurse(1000.0)
    purse.reserve(Reservation(f"{START:%Y-%m}", REF.batch_id, Owner.BATCH, exact(usd), "", ""))
    return purse


class Round:
    def __init__(self, backend: MemoryEngine, lines: int = 100, a_shard: int = 25, at_once: int = 16):
        loop = asyncio.get_running_loop()

        def clock() -> datetime:
            return START + timedelta(seconds=loop.time())

        self.store, self.objects, self.purse = MemoryBatches(), MemoryObjects(clock), rich()
        submit(self.store, self.objects, [line(n, f"q{n}", max_tokens=20) for n in range(1, lines + 1)], a_shard)
        self.on = OnBedrock(
            store=self.store,
            rounds=MemoryRounds(),
            objects=self.objects,
            backend=backend,
            purse=self.purse,
            price=PRICE,
            calls_at_once=at_once,
            clock=clock,
            run_blocking=RunInline(Contact()),
        )

    async def answer(self, seconds: float = 800, round_: int = 1) -> dict[str, Any]:
        return (await self.on.answer(REF, round_, seconds)).as_json()


@in_jumping_time
async def test_batch_is_answered_with_many_calls_at_once() -> None:
    backend = Bedrock()
    batch = Round(backend)
    batch.purse.reservations.update(rich().reservations)  # by the next plan
    assert await batch.answer() == {"left": 0}
    took = asyncio.get_running_loop().time()
    assert took <= 100 / 16 * 2 + 2 and backend.most_running == 16
    lines = results(batch.store)
    assert lines.keys() == set(range(1, 101)) and {one.by for one in lines.values()} == {"bedrock"}
    shards = batch.store.shards(REF.batch_id)
    assert all_done(shards) and not any(one.slot_seconds for one in shards)
    assert sum(one.bedrock_completion_tokens for one in shards) == 200


@in_jumping_time
async def test_throttled_backend_is_asked_at_its_own_pace() -> None:
    backend = Bedrock(quota=5)
    batch = Round(backend, lines=200)
    batch.purse.reservations.update(rich().reservations)  # by the next plan
    assert await batch.answer() == {"left": 0}
    took = asyncio.get_running_loop().time()
    assert took <= 200 / 5 * 2 * 1.5, "two thirds of what the quota allows at least"
    assert backend.refused <= 60
    assert len(results(batch.store)) == 200


@in_jumping_time
async def test_backend_that_only_throttles_is_left_for_the_state_machine_to_wait_for() -> None:
    backend = Bedrock(quota=0)
    batch = Round(backend)
    answer = await batch.answer()
    assert answer["left"] == 100 and answer["error"]["Error"] == "EngineBusy"
    assert asyncio.get_running_loop().time() < 130 and backend.refused < 60


@in_jumping_time
async def test_backend_that_cannot_be_used_ends_the_round_and_keeps_what_it_answered() -> None:
    backend = Bedrock(q40=BackendUnavailable("The model is not enabled."))
    batch = Round(backend)
    answer = await batch.answer()
    assert answer["error"] == {"Error": "BackendUnavailable", "Cause": "The model is not enabled."}
    assert answer["left"] == 100 - len(results(batch.store)) > 0
    assert sum(one.completed for one in batch.store.shards(REF.batch_id)) == len(results(batch.store))


@in_jumping_time
async def test_partial_failure_is_an_error_of_its_lines_only() -> None:
    backend = Bedrock(q3=PromptRejected("No.", "unsupported_parameter"), q4=EngineFailed("ModelErrorException"))
    batch = Round(backend)
    batch.purse.reservations.update(rich().reservations)  # by the next plan
    assert await batch.answer() == {"left": 0}
    errors = {n: one.error.code for n, one in results(batch.store).items() if one.error}
    assert errors == {3: "unsupported_parameter", 4: "engine_failed"}
    assert [asked(prompt) for prompt in backend.prompts].count("q4") == 3


@in_jumping_time
async def test_time_that_is_up_starts_nothing_and_lets_calls_in_flight_end() -> None:
    backend = Bedrock()
    batch = Round(backend, lines=1000, a_shard=100)
    answer = await batch.answer(seconds=9.0)
    assert 9 <= asyncio.get_running_loop().time() <= 9 + 3
    assert answer == {"left": 1000 - len(backend.prompts)} and len(results(batch.store)) == len(backend.prompts)


@in_jumping_time
async def test_window_that_closes_ends_the_round() -> None:
    backend = Bedrock()
    batch = Round(backend, lines=1000, a_shard=100)
    alter(batch.store, REF, expires_at="2026-01-01T12:00:07.000Z")
    answer = await batch.answer(seconds=800)
    assert asyncio.get_running_loop().time() <= 7 + 3
    assert 0 < answer["left"] == 1000 - len(results(batch.store))


@in_jumping_time
async def test_call_that_hangs_does_not_outlive_the_function() -> None:
    backend = Bedrock()
    batch = Round(backend, lines=20)
    backend.seconds_per_token = 10_000
    answer = await batch.answer(seconds=30)
    assert answer == {"left": 20} and asyncio.get_running_loop().time() < 30 + 50


@pytest.mark.parametrize("change", [{"status": BatchStatus.CANCELLING}, {"round": 2}])
def test_batch_that_moves_on_is_left_within_seconds(change: dict[str, Any]) -> None:
    @in_jumping_time
    async def move_on() -> None:
        batch = Round(Bedrock(), lines=1000, a_shard=100)
        answering = asyncio.create_task(batch.answer())
        await asyncio.sleep(10)
        alter(batch.store, REF, **change)
        answer = await answering
        assert asyncio.get_running_loop().time() < 10 + 3
        assert answer["left"] == 1000 - len(results(batch.store)) and "error" not in answer
        assert (await batch.answer())["left"] == answer["left"], "and is not taken up again"

    move_on()


@in_jumping_time
async def test_second_visit_asks_only_what_has_no_answer() -> None:
    backend = Bedrock()
    batch = Round(backend)
    first = await batch.answer(seconds=5.0)
    assert first["left"] > 0
    batch.purse.reservations.update(rich().reservations)  # by the next plan
    alter(batch.store, REF, round=2)
    assert await batch.answer(round_=2) == {"left": 0}
    assert len(backend.prompts) == 100


@in_jumping_time
async def test_shard_that_a_gpu_began_keeps_its_shares_and_counts_once() -> None:
    batch = Round(Bedrock(), lines=4, a_shard=4)
    gpu = LineResult(1, "c1", "ses_1", finish_reason="stop", prompt_tokens=7, completion_tokens=9)
    batch.store.keep_results(REF.batch_id, 0, [gpu], START)
    batch.store.progress(
        REF,
        0,
        ShardProgress(completed=1, prompt_tokens=7, completion_tokens=9, session_id="ses_1", slot_seconds=2.5),
        False,
    )
    batch.purse.reservations.update(rich().reservations)  # by the next plan
    assert await batch.answer() == {"left": 0}
    (shard,) = batch.store.shards(REF.batch_id)
    assert (shard.completed, shard.completion_tokens, shard.bedrock_completion_tokens) == (4, 15, 6)
    assert shard.slot_seconds == {"ses_1": 2.5}


@in_jumping_time
async def test_table_that_cannot_be_read_is_an_error_and_no_end_of_the_world() -> None:
    batch = Round(Bedrock())

    def finished(*args: Any) -> Any:
        raise ConnectionError("no route to DynamoDB")

    batch.store.finished = finished  # type: ignore[method-assign]
    answer = await batch.answer()
    assert answer == {"left": 100, "error": {"Error": "ConnectionError", "Cause": "no route to DynamoDB"}}


@in_jumping_time
async def test_limit_grows_back_by_one_call_for_every_round_of_answers() -> None:
    limiter = Limiter(8)

    async def refuse() -> None:
        if limiter.limit == 8:
            raise EngineBusy("once")

    await asyncio.gather(*(limiter.run(refuse, False) for _ in range(8)))
    assert 4 < limiter.limit < 7
    for _ in range(40):
        await limiter.run(refuse, False)
        if limiter.limit > 7.8:
            break
    assert limiter.limit > 7.8


def test_run_makes_a_loop_of_its_own() -> None:
    store, objects = MemoryBatches(), MemoryObjects(lambda: START)
    submit(store, objects, [line(1, "hello")], 1)
    on = OnBedrock(
        store=store,
        rounds=MemoryRounds(),
        objects=objects,
        backend=MemoryEngine(),
        purse=rich(),
        price=PRICE,
        calls_at_once=4,
        clock=lambda: START,
    )
    assert on.run(REF, 1, 30).as_json() == {"left": 0}
    assert results(store)[1].text == "You said: hello"


def held(purse: MemoryPurse) -> float:
    return sum(float(one.usd) for one in purse.reservations.values())


@pytest.mark.parametrize("usd", [0.0, 0.001, 0.004, 0.01])
@in_jumping_time
async def test_round_stops_at_what_was_reserved_for_it(usd: float) -> None:
    """A line may cost 0.3 cents and costs less; calls in flight have taken what they may cost."""
    round_ = Round(Bedrock())
    round_.purse.shrink("2026-01", REF.batch_id, usd)
    answer = await round_.answer()
    spent = held(round_.purse)
    assert answer["error"]["Error"] == "SpendCapReached" and answer["left"] > 0
    assert spent <= usd, "and it holds no more than it has spent"
    assert (answer["left"] == 100) == (usd < 0.0031)
    if usd >= 0.004:
        assert 0 < usd - spent < 0.0032, "it goes on until not one more line fits"


@in_jumping_time
async def test_round_that_ends_well_holds_what_it_has_spent_and_no_more() -> None:
    round_ = Round(Bedrock(), lines=40)
    assert (await round_.answer())["left"] == 0
    prompt, completion = (
        sum(getattr(one, f"bedrock_{kind}_tokens") for one in round_.store.shards(REF.batch_id))
        for kind in ("prompt", "completion")
    )
    assert held(round_.purse) == pytest.approx((prompt + completion) * 100 / 1e6) and prompt + completion
    (one,) = round_.purse.reservations.values()
    assert one.until == known(round_.store, REF).expires_at, "it is held until the batch is over"
