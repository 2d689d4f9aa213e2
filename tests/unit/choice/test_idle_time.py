"""How long an idle GPU stays on."""

import doctest
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.choice import idle_time as module
from foreverus.choice.idle_time import LEAST_IDLE_S, MOST_IDLE_S, STEP_S, IdleFigures, IdleReason, fixed, idle_time
from foreverus.choice.pauses import Pause

GPU_ONLY = IdleFigures(boot_seconds=480, gpu_usd_per_hour=0.4)
PAUSES = st.lists(st.builds(Pause, st.integers(0, 10**6), st.integers(60, 10**6)), max_size=60)
FIGURES = st.builds(
    IdleFigures,
    boot_seconds=st.floats(0, 7200),
    gpu_usd_per_hour=st.floats(0.01, 50),
    bedrock_usd_per_hour=st.none() | st.floats(0, 1000),
)


def of(*seconds: int) -> list[Pause]:
    return [Pause(at, length) for at, length in enumerate(seconds)]


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted >= 3


@given(PAUSES, FIGURES)
def test_never_under_the_least_and_never_over_the_most(known: list[Pause], figures: IdleFigures) -> None:
    found = idle_time(known, figures)
    assert LEAST_IDLE_S <= found.seconds <= MOST_IDLE_S
    assert 0 <= found.shorter <= found.pauses == len(known)
    assert str(found.seconds) in found.text() and "nan" not in found.text()


@given(PAUSES, FIGURES, st.integers(1, 600), st.integers(1, 600))
def test_other_bounds_are_kept_too(known: list[Pause], figures: IdleFigures, least: int, more: int) -> None:
    assert least <= idle_time(known, figures, least, least + more).seconds <= least + more


@given(PAUSES, st.floats(1, 3600), st.floats(1, 3600))
def test_a_dearer_boot_never_makes_it_end_sooner(known: list[Pause], one: float, other: float) -> None:
    cheap, dear = sorted((one, other))
    decide = [idle_time(known, IdleFigures(boot_seconds=boot, gpu_usd_per_hour=0.4)).seconds for boot in (cheap, dear)]
    assert decide[0] <= decide[1]


@given(PAUSES, st.floats(0.01, 10), st.floats(0, 10))
def test_bedrock_never_makes_it_stay_longer(known: list[Pause], price: float, bedrock: float) -> None:
    alone = IdleFigures(boot_seconds=480, gpu_usd_per_hour=price)
    beside = IdleFigures(boot_seconds=480, gpu_usd_per_hour=price, bedrock_usd_per_hour=bedrock)
    assert idle_time(known, beside).seconds <= idle_time(known, alone).seconds


def test_with_nothing_known_the_prior_decides() -> None:
    found = idle_time([], GPU_ONLY)
    assert found.reason is IdleReason.FEW_KNOWN and LEAST_IDLE_S <= found.seconds < 480
    assert "only 0 pauses" in found.text()


@pytest.mark.parametrize("length", [120, 240, 360])
def test_pauses_that_are_shorter_than_a_boot_are_waited_through(length: int) -> None:
    found = idle_time(of(*[length] * 30), GPU_ONLY)
    assert found.reason is IdleReason.PAUSES and length <= found.seconds <= length + 2 * STEP_S
    assert found.shorter == 30


@pytest.mark.parametrize("length", [1200, 7200, 86_400])
def test_pauses_that_are_long_are_not_waited_for(length: int) -> None:
    assert idle_time(of(*[length] * 30), GPU_ONLY).seconds == LEAST_IDLE_S


def test_the_sentence_of_the_middle_says_how_many_were_shorter() -> None:
    found = idle_time(of(120, 120, 120, 120, 120, 120, 5000, 7000, 9000, 8000), GPU_ONLY)
    begin, start = f"Stays on {found.seconds} s", "a start costs as much as 480 s."
    assert found.text() == f"{begin}: 6 of the last 10 pauses at such times were shorter; {start}"
    assert found.numbers() == {
        **{"shorter": 6, "pauses": 10, "restart_seconds": 480, "boot_seconds": 480},
        "gpu_usd_per_hour": 0.4,
    }


def test_few_requests_are_bedrocks_and_the_gpu_ends_at_once() -> None:
    few = IdleFigures(boot_seconds=480, gpu_usd_per_hour=0.4, bedrock_usd_per_hour=0.01)
    found = idle_time(of(*[120] * 30), few)
    assert (found.seconds, found.reason) == (LEAST_IDLE_S, IdleReason.BEDROCK_CHEAPER)
    assert "US$ 0.0100" in found.text() and found.numbers()["bedrock_usd_per_hour"] == 0.01
    many = IdleFigures(boot_seconds=480, gpu_usd_per_hour=0.4, bedrock_usd_per_hour=2.0)
    assert idle_time(of(*[120] * 30), many).seconds >= 120


def test_on_pauses_of_any_length_it_costs_hardly_more_than_the_best_number_in_hindsight() -> None:
    """Without a memory no rule can do better in the mean than the best constant; so it is measured against that one."""
    for mean in (100, 300, 500, 1000, 5000):
        draw = random.Random(mean)
        lengths = [max(60, round(draw.expovariate(1 / mean))) for _ in range(400)]
        known, seen = of(), 0.0
        for length in lengths:
            after = idle_time(known[-60:], GPU_ONLY).seconds
            seen += min(length, after) + 480 * (length > after)
            known.append(Pause(len(known), max(60, round(length / 60) * 60)))
        constants = range(LEAST_IDLE_S, MOST_IDLE_S + 1, STEP_S)
        best = min(sum(min(one, after) + 480 * (one > after) for one in lengths) for after in constants)
        assert seen <= 1.15 * best, (mean, seen / best)


def test_a_number_is_a_number() -> None:
    assert fixed(300).text() == "Stays on 300 s, as it was told to."
