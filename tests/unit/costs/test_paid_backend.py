"""A stream that is paid by the token: what it may cost is taken before it, and what it did cost settles it."""

from contextlib import aclosing

import pytest

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Delta, Finished, Message, Prompt
from foreverus.costs.allowance import Allowance
from foreverus.costs.paid_backend import PaidBackend, most_usd
from foreverus.costs.prices import TokenPrice
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected, SpendCapReached
from tests.unit.backends.test_openai_http import asynchronous

ASKED = Prompt((Message("user", "a b c"),), 100)
PRICE = TokenPrice(1000.0, 1000.0, "a test's")  # a tenth of a cent each
MOST = most_usd(ASKED, PRICE)


def paid(left: float = 1.0) -> tuple[PaidBackend, MemoryEngine, Allowance]:
    allowance, engine = Allowance(left), MemoryEngine(lambda prompt: ["one ", "two"])
    return PaidBackend(engine, PRICE, allowance), engine, allowance


def test_no_limit_makes_the_model_write_more_than_it_can() -> None:
    asked = [Prompt((Message("user", "a b c"),), limit) for limit in (None, 8192, 8193, 1_000_000)]
    assert len({most_usd(one, PRICE) for one in asked}) == 1 and most_usd(asked[0], PRICE) > 8.192
    assert most_usd(asked[0], PRICE, 32_768) == most_usd(asked[0], PRICE) > most_usd(asked[0], PRICE, 2048)
    assert most_usd(asked[0], PRICE, 2048) > MOST


@asynchronous
async def test_while_it_streams_what_it_may_cost_is_taken_and_then_what_it_did_cost() -> None:
    backend, _, allowance = paid()
    seen = []
    async for event in backend.stream(ASKED):
        seen.append(event)
        assert allowance.left_usd == pytest.approx(1.0 - MOST)
    assert seen == [Delta("one "), Delta("two"), Finished("stop", 3, 2)]
    assert allowance.left_usd == pytest.approx(1.0 - 0.005)


@pytest.mark.parametrize(
    "error, after, spent",
    [
        (PromptRejected("no"), 0, 0.0),
        (EngineBusy("no"), 0, 0.0),
        (BackendUnavailable("no"), 0, 0.0),
        (EngineFailed("no"), 0, MOST),  # nobody knows whether it is paid for
        (EngineBusy("in the middle"), 1, MOST),
        (EngineFailed("in the middle"), 1, MOST),
    ],
)
@asynchronous
async def test_a_stream_without_an_end_costs_what_it_may_have_cost(error: Exception, after: int, spent: float) -> None:
    backend, engine, allowance = paid()
    engine.fail_next(error, after)
    with pytest.raises(type(error)):
        _ = [event async for event in backend.stream(ASKED)]
    assert allowance.left_usd == pytest.approx(1.0 - spent)


@asynchronous
async def test_a_stream_that_nobody_reads_to_its_end_costs_what_it_may_have_cost() -> None:
    backend, engine, allowance = paid()
    async with aclosing(backend.stream(ASKED)) as events:
        await anext(events)
    assert allowance.left_usd == pytest.approx(1.0 - MOST) and engine.running == 0


@asynchronous
async def test_a_stream_that_the_allowance_does_not_hold_is_not_begun() -> None:
    backend, engine, allowance = paid(MOST / 2)
    with pytest.raises(SpendCapReached):
        _ = [event async for event in backend.stream(ASKED)]
    assert engine.prompts == [] and allowance.left_usd == MOST / 2
