"""The choice of a backend: examples from the price lists, and rules that hold for every batch."""

import doctest
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.choice import arithmetic, batch, records
from foreverus.choice.arithmetic import break_even_tokens
from foreverus.choice.assumed import READ_IN_ONES_TIME
from foreverus.choice.batch import choose
from foreverus.choice.records import Bedrock, Gpu, Work

DAY = 86_400.0
COLD = Gpu(
    allowed=True,
    live=False,
    boot_seconds=180,
    tokens_per_second=452,
    spot_usd_per_hour=0.44,
    on_demand_usd_per_hour=0.805,
    idle_seconds=300,
)
LIVE = replace(COLD, live=True)
NO_GPU = replace(COLD, allowed=False)
BEDROCK = Bedrock(True, 0.15, 0.20, 500)
NO_BEDROCK = replace(BEDROCK, allowed=False)


def lines(count: int, seconds_left: float = DAY) -> Work:
    """Lines of 200 prompt tokens and 150 of an answer."""
    return Work(count, 200 * count, 150 * count, seconds_left)


def test_examples_in_the_docstrings_hold() -> None:
    results = [doctest.testmod(module) for module in (arithmetic, batch, records)]
    assert sum(one.failed for one in results) == 0 and sum(one.attempted for one in results) >= 6


def test_few_lines_are_cheaper_on_bedrock_unless_a_gpu_is_live_anyway() -> None:
    few = lines(400)
    assert choose(few, COLD, BEDROCK).next == "bedrock"
    live = choose(few, LIVE, BEDROCK)
    assert live.next == "gpu" and live.arithmetic["gpu_usd"] == pytest.approx(60_000 / 452 / 3600 * 0.44, abs=1e-6)


def test_many_lines_are_worth_a_boot_and_an_idle_tail() -> None:
    many = choose(lines(50_000), COLD, BEDROCK)
    assert many.next == "gpu" and many.allow_on_demand is False
    assert many.arithmetic["gpu_usd"] == pytest.approx((7_500_000 / 452 + 480) / 3600 * 0.44, abs=1e-6)
    assert many.arithmetic["bedrock_usd"] == pytest.approx(10 * 0.15 + 7.5 * 0.20)


def test_images_are_a_gpus_time_and_its_price_and_may_make_it_too_slow() -> None:
    plain, shown = lines(400), replace(lines(400), gpu_image_tokens=400 * 1282)
    alone, seen = (choose(work, LIVE, NO_BEDROCK).arithmetic for work in (plain, shown))
    more = 400 * 1282 / READ_IN_ONES_TIME / 452
    assert seen["gpu_seconds"] == pytest.approx(float(alone["gpu_seconds"]) + more, abs=1)
    assert seen["gpu_usd"] == pytest.approx(float(alone["gpu_usd"]) + more / 3600 * 0.44, abs=1e-6)
    assert (seen["gpu_image_tokens"], "gpu_image_tokens" in alone) == (512_800, False)
    late = replace(shown, seconds_left=200)
    assert choose(late, LIVE, BEDROCK).next == "bedrock" and choose(replace(plain, seconds_left=200), LIVE, BEDROCK)


def test_only_the_one_that_is_fast_enough_is_chosen() -> None:
    urgent = lines(50_000, 6 * 3600)
    slow = replace(BEDROCK, tokens_per_second=100)
    assert choose(urgent, COLD, slow).next == "gpu"
    assert choose(lines(50_000, 4 * 3600), COLD, replace(BEDROCK, tokens_per_second=5000)).next == "bedrock"


def test_when_none_is_fast_enough_the_one_that_gets_most_done_is_chosen() -> None:
    short = lines(50_000, 600)
    assert choose(short, COLD, BEDROCK).next == "bedrock"  # 600 s at 500 tok/s against 420 s at 452
    assert choose(short, LIVE, replace(BEDROCK, tokens_per_second=452)).next == "gpu"
    assert choose(short, COLD, NO_BEDROCK).next == "gpu"
    assert choose(short, NO_GPU, BEDROCK).next == "bedrock"


def test_without_any_backend_the_batch_waits() -> None:
    assert choose(lines(10), NO_GPU, NO_BEDROCK).next == "wait"
    assert choose(lines(0), COLD, BEDROCK).next == "wait"
    assert choose(lines(10, 0), COLD, BEDROCK).next == "wait"


def test_on_demand_is_for_when_one_more_loss_of_a_spot_gpu_would_break_the_window() -> None:
    may = replace(COLD, on_demand_allowed=True)
    alone = 150 * 10_000 / 452
    roomy, tight = 1.2 * (alone + 360) + 1, 1.2 * (alone + 360) - 1
    assert choose(lines(10_000, roomy), may, NO_BEDROCK).allow_on_demand is False
    assert choose(lines(10_000, tight), may, NO_BEDROCK).allow_on_demand is True
    assert choose(lines(10_000, tight), COLD, NO_BEDROCK).allow_on_demand is False, "only if it is allowed"
    assert choose(lines(10_000, tight), may, NO_BEDROCK).arithmetic["gpu_usd_per_hour"] == 0.805


def test_plan_is_reviewed_while_the_fallback_still_makes_it() -> None:
    work = lines(50_000)
    on_gpu = choose(work, COLD, BEDROCK)
    assert on_gpu.next == "gpu" and on_gpu.review_in_seconds == int(DAY - 1.2 * 7_500_000 / 500)
    assert choose(work, COLD, NO_BEDROCK).review_in_seconds == DAY, "nothing to fall back on"
    may = choose(work, replace(COLD, on_demand_allowed=True), NO_BEDROCK)
    assert may.review_in_seconds == int(DAY - 1.2 * (180 + 7_500_000 / 452))
    assert choose(lines(1, 30), LIVE, NO_BEDROCK).review_in_seconds == 30


def test_while_nobody_sells_a_gpu_the_batch_waits_as_long_as_bedrock_still_makes_it() -> None:
    none = replace(COLD, available=False)
    assert choose(lines(50_000), none, BEDROCK).next == "wait"
    assert choose(lines(50_000), none, BEDROCK).review_in_seconds == 300
    slow = replace(BEDROCK, tokens_per_second=300)  # slower than the GPU: its last moment comes first
    bedrock_seconds = 1.2 * 7_500_000 / 300
    assert choose(lines(50_000, bedrock_seconds + 130), none, slow).review_in_seconds == 130
    assert choose(lines(50_000, bedrock_seconds + 59), none, slow).next == "bedrock"
    assert choose(lines(50_000), none, NO_BEDROCK).next == "wait"
    on_demand = replace(none, on_demand_allowed=True)
    assert choose(lines(50_000, 1.2 * (7_500_000 / 452 + 200)), on_demand, NO_BEDROCK).next == "gpu"
    assert choose(lines(50_000), replace(LIVE, available=False), BEDROCK).next == "gpu", "one is live already"


def test_more_gpus_only_where_each_answers_for_three_boots() -> None:
    four = replace(COLD, max_gpus=4)
    for seconds_of_work, gpus in ((300, 1), (1079, 1), (1080, 2), (1619, 2), (1620, 3), (100_000, 4)):
        tokens = seconds_of_work * 452
        chosen = choose(Work(10_000, 0, tokens, 10 * DAY), four, NO_BEDROCK)
        assert chosen.gpus == gpus, seconds_of_work
    assert choose(Work(1, 0, 10**6, DAY), four, NO_BEDROCK).gpus == 1, "one line is answered by one GPU"
    assert choose(Work(10_000, 0, 2000 * 452, 1000), four, NO_BEDROCK).gpus == 4, "needed within the window"


def test_extra_gpus_never_cost_more_than_bedrock_would() -> None:
    four = replace(COLD, max_gpus=4)
    work = Work(10_000, 500_000, 1_000_000, DAY)  # US$ 0.275 on Bedrock; one GPU 0.329, live 0.270
    live = choose(work, replace(four, live=True), BEDROCK)
    assert (live.next, live.gpus) == ("gpu", 1)
    assert choose(work, replace(four, live=True), NO_BEDROCK).gpus == 3


def test_gpus_that_would_boot_beyond_the_window_are_not_bought() -> None:
    assert choose(lines(10_000, 100), replace(LIVE, max_gpus=4), NO_BEDROCK).gpus == 1


def test_allowed_backend_without_a_rate_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"Gpu\.tokens_per_second"):
        choose(lines(1), replace(COLD, tokens_per_second=0), BEDROCK)
    with pytest.raises(ValueError, match=r"Bedrock\.tokens_per_second"):
        choose(lines(1), COLD, replace(BEDROCK, tokens_per_second=0))
    assert choose(lines(1), COLD, replace(NO_BEDROCK, tokens_per_second=0)).next == "gpu"


def test_arithmetic_is_one_line_for_people() -> None:
    text = choose(lines(50_000), COLD, BEDROCK).text()
    assert text.startswith(
        "gpu: cheaper; 50,000 lines left (10,000,000 + 7,500,000 tokens), 24.0 h left; GPU US$ 2.0867 in 4.7 h"
    )
    assert "Bedrock US$ 3.0000 in 4.2 h" in text and "\n" not in text
    assert choose(lines(50_000), COLD, BEDROCK).text(20) == "gpu: cheaper; 50,00…"


def test_break_even_of_a_boot() -> None:
    """64,000 to 100,000 output tokens for a boot at 0.26 to 0.40 an hour."""
    assert 64_000 <= break_even_tokens(180, 0.26, 0.20) <= 66_000
    assert break_even_tokens(180, 0.40, 0.20) == pytest.approx(100_000)


amounts = st.integers(1, 50_000)
rates = st.floats(1, 20_000)
prices = st.floats(0.01, 10)
works = st.builds(Work, amounts, st.integers(0, 10**8), st.integers(0, 10**8), st.floats(-10, 7 * DAY))
gpus = st.builds(
    Gpu,
    allowed=st.booleans(),
    live=st.booleans(),
    boot_seconds=st.floats(0, 900),
    tokens_per_second=rates,
    spot_usd_per_hour=prices,
    on_demand_usd_per_hour=prices,
    idle_seconds=st.floats(0, 3600),
    on_demand_allowed=st.booleans(),
    max_gpus=st.integers(1, 8),
    available=st.booleans(),
)
bedrocks = st.builds(Bedrock, st.booleans(), prices, prices, rates)


@given(works, gpus, bedrocks)
def test_every_choice_is_allowed_bounded_and_can_be_kept(work: Work, gpu: Gpu, bedrock: Bedrock) -> None:
    chosen = choose(work, gpu, bedrock)
    assert {"gpu": gpu.allowed, "bedrock": bedrock.allowed, "wait": True}[chosen.next]
    assert 1 <= chosen.gpus <= max(1, min(gpu.max_gpus, work.lines))
    assert gpu.on_demand_allowed or not chosen.allow_on_demand
    assert 1 <= chosen.review_in_seconds <= max(1, work.seconds_left)
    assert chosen.review_in_seconds >= min(60, max(1, int(work.seconds_left)))
    assert json.loads(json.dumps(chosen.arithmetic, allow_nan=False)) == chosen.arithmetic
    assert 0 < len(chosen.text()) <= 512


@given(amounts, st.integers(0, 2000), st.integers(1, 2000), st.integers(1, 10), gpus, bedrocks)
def test_more_work_never_moves_from_the_gpu_to_bedrock_on_price_alone(
    count: int, prompt: int, answer: int, times: int, gpu: Gpu, bedrock: Bedrock
) -> None:
    ample = 1e12  # seconds: whatever the work, both make it
    gpu, bedrock = replace(gpu, allowed=True, available=True), replace(bedrock, allowed=True)
    less = choose(Work(count, count * prompt, count * answer, ample), gpu, bedrock)
    n = count * times
    more = choose(Work(n, n * prompt, n * answer, ample), gpu, bedrock)
    assert not (less.next == "gpu" and more.next == "bedrock")


@given(works, gpus, bedrocks)
def test_live_gpu_is_never_worse_than_a_cold_one(work: Work, gpu: Gpu, bedrock: Bedrock) -> None:
    gpu = replace(gpu, allowed=True, available=True, on_demand_allowed=False)
    if choose(work, replace(gpu, live=False), bedrock).next == "gpu":
        assert choose(work, replace(gpu, live=True), bedrock).next == "gpu"


@given(works, gpus, bedrocks, st.floats(1, 100))
def test_dearer_bedrock_is_never_chosen_where_the_cheaper_was_not(
    work: Work, gpu: Gpu, bedrock: Bedrock, times: float
) -> None:
    dearer = replace(
        bedrock,
        usd_per_million_prompt_tokens=bedrock.usd_per_million_prompt_tokens * times,
        usd_per_million_completion_tokens=bedrock.usd_per_million_completion_tokens * times,
    )
    if choose(work, gpu, bedrock).next != "bedrock":
        assert choose(work, gpu, dearer).next != "bedrock"


@given(works, gpus, bedrocks)
def test_what_fits_is_preferred_to_what_does_not(work: Work, gpu: Gpu, bedrock: Bedrock) -> None:
    chosen = choose(work, gpu, bedrock)
    a = chosen.arithmetic
    if chosen.next == "gpu" and not a["gpu_fits"]:
        assert not a.get("bedrock_fits", False)
    if chosen.next == "bedrock" and not a["bedrock_fits"]:
        assert not a.get("gpu_fits", False)
