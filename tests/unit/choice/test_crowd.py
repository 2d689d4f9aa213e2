"""Another GPU for people who wait: what is a crowd, what it is worth, and when it has left."""

import doctest
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.choice import crowd as module
from foreverus.choice.crowd import (
    END_S,
    LASTS_S,
    REVIEW_S,
    CrowdFigures,
    CrowdNow,
    has_left,
    worth_another,
)

FIGURES = CrowdFigures(boot_seconds=480, gpu_usd_per_hour=0.36, tokens_per_second=452)
STEADY = CrowdNow(in_work=38, slots=8, gpus=1, asked=110, lasted_s=180)  # more come than one GPU answers


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted >= 8


@pytest.mark.parametrize(
    ("now", "figures", "wanted"),
    [
        (STEADY, FIGURES, True),
        (replace(STEADY, lasted_s=LASTS_S - 1), FIGURES, False),
        (replace(STEADY, in_work=8), FIGURES, False),
        (replace(STEADY, in_work=12), FIGURES, False),
        (replace(STEADY, asked=50), FIGURES, False),
        (STEADY, replace(FIGURES, gpu_usd_per_hour=60.0), False),
        (replace(STEADY, gpus=2, slots=16, asked=233), FIGURES, True),
        (replace(STEADY, gpus=2, slots=16, asked=110), FIGURES, False),
        (STEADY, replace(FIGURES, boot_seconds=80_000), False),
    ],
    ids=["steady", "short", "nobody waits", "four wait", "it ebbs", "dear", "two GPUs", "two can", "boots for ever"],
)
def test_a_crowd_is_worth_another_gpu_while_it_lasts(now: CrowdNow, figures: CrowdFigures, wanted: bool) -> None:
    decision = worth_another(now, figures)
    assert decision.wanted is wanted, decision.text()


def test_the_sum_is_shown() -> None:
    decision = worth_another(STEADY, FIGURES)
    assert decision.usd == pytest.approx((480 + REVIEW_S + END_S) / 3600 * 0.36, abs=1e-4)
    # 30 wait for ten minutes without it; with it 30 ÷ 1.77 a second: 17 s, half of them on average
    assert decision.saved_hours == pytest.approx((30 * 600 - 30 * 30 / (452 / 256) / 2) / 3600, abs=0.01)
    assert (decision.waiting, decision.gpus, decision.asked_per_minute) == (30, 1, 110.0)
    assert "30 people wait 17 s" in decision.text() and set(decision.numbers()) == set(module.NUMBERS)


NOWS = st.builds(
    CrowdNow,
    in_work=st.integers(0, 5_000),
    slots=st.integers(1, 256),
    gpus=st.integers(1, 4),
    asked=st.integers(0, 50_000),
    lasted_s=st.floats(0, 86_400),
)
FIGURE = st.builds(
    CrowdFigures,
    boot_seconds=st.floats(1, 3_600),
    gpu_usd_per_hour=st.floats(0.01, 50),
    tokens_per_second=st.floats(10, 10_000),
)


@given(now=NOWS, figures=FIGURE, more=st.integers(1, 500))
def test_of_every_crowd(now: CrowdNow, figures: CrowdFigures, more: int) -> None:
    one = worth_another(now, figures)
    assert one.saved_hours >= 0 and one.usd >= 0
    assert one.saved_hours <= now.waiting * REVIEW_S / 3600 + 0.01, "nobody waits longer than there is time"
    longer = worth_another(replace(now, in_work=now.in_work + more), figures)
    assert longer.wanted or not one.wanted, "more people are never worth less"
    dearer = worth_another(now, replace(figures, gpu_usd_per_hour=figures.gpu_usd_per_hour * 2))
    assert one.wanted or not dearer.wanted


@given(in_hand=st.lists(st.integers(0, 64), min_size=2, max_size=4), slots=st.integers(1, 64))
def test_what_a_crowds_gpu_has_in_hand_fits_into_the_others_slots(in_hand: list[int], slots: int) -> None:
    """All take from one queue, so the others have about as much in hand."""
    if has_left(max(in_hand), slots):
        assert sum(in_hand) <= (len(in_hand) - 1) * slots
