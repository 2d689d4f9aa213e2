"""Whether chats are worth a GPU: rules that hold on any traffic."""

import doctest
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreverus.choice import chat_gpu as module
from foreverus.choice.chat_gpu import REVIEW_S, START_MARGIN, ChatGpuFigures, keep_for_chats, start_for_chats

PRICE, BOOT_MIN, REVIEW_MIN, END_MIN = 0.48, 8, REVIEW_S // 60, 2
FIGURES = ChatGpuFigures(boot_seconds=BOOT_MIN * 60, gpu_usd_per_hour=PRICE)
A_MINUTE = PRICE / 60

# What the answers of each minute cost on Bedrock, US$: stretches of the same traffic, as calm or wild as may be.
STRETCHES = st.lists(st.tuples(st.integers(1, 120), st.floats(0, 0.2)), min_size=1, max_size=12)


@dataclass
class Bill:
    ours: float = 0.0
    starts: int = 0


def minutes_of(stretches: list[tuple[int, float]]) -> list[float]:
    return [usd for length, usd in stretches for _ in range(length)]


def ours(traffic: list[float]) -> Bill:
    """The rules minute by minute: Bedrock answers until a GPU is healthy, and again once its end is decided."""
    bill, begun, healthy_at, ends_at = Bill(), -1, 0, 0  # begun: the minute after which money counts anew
    on = False
    for now, usd in enumerate(traffic):
        if on and now >= ends_at > 0:
            on = False

        def spent(minutes: int, now: int = now, since: int = begun) -> float:
            return sum(traffic[max(since + 1, now + 1 - minutes) : now + 1])

        answered_by_gpu = on and now >= healthy_at and not ends_at
        bill.ours += (A_MINUTE if on else 0.0) + (0.0 if answered_by_gpu else usd)
        if answered_by_gpu:
            value = sum(traffic[max(healthy_at, now + 1 - REVIEW_MIN) : now + 1])
            if not keep_for_chats(value, (now + 1 - healthy_at) * 60, FIGURES).wanted:
                ends_at = now + 1 + END_MIN
        elif not on and start_for_chats(spent(60), spent(REVIEW_MIN), FIGURES).wanted:
            on, begun, healthy_at, ends_at = True, now, now + 1 + BOOT_MIN, 0
            bill.starts += 1
    if on:  # what is left of its boot is paid, whatever comes
        bill.ours += max(0, healthy_at - len(traffic)) * A_MINUTE
    return bill


def gpu_alone(traffic: list[float]) -> float:
    """On from the first answer to the last."""
    busy = [minute for minute, usd in enumerate(traffic) if usd]
    return (busy[-1] - busy[0] + 1 + BOOT_MIN) * A_MINUTE if busy else 0.0


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted >= 3


@settings(max_examples=300)
@given(STRETCHES)
def test_never_more_than_half_as_much_again_as_bedrock_alone(stretches: list[tuple[int, float]]) -> None:
    traffic = minutes_of(stretches)
    assert ours(traffic).ours <= 1.5 * sum(traffic) + 1e-9


@settings(max_examples=300)
@given(STRETCHES)
def test_what_it_costs_more_than_a_gpu_from_the_beginning_is_bounded_for_each_start(
    stretches: list[tuple[int, float]],
) -> None:
    """What Bedrock answers before a start, and beside a boot and an end, is what nobody can know in time."""
    traffic, most = minutes_of(stretches), max(minutes_of(stretches))
    bill = ours(traffic)
    hours = len(traffic) / 60
    # While none is started, each hour's bill is under the one mark, or each review's under the other.
    a_review = START_MARGIN * FIGURES.review_usd
    not_yet = max(FIGURES.start_usd, a_review * 60 / REVIEW_MIN) * (bill.starts + 1 + hours)
    beside = bill.starts * (BOOT_MIN + END_MIN + 1) * (most + A_MINUTE)
    assert bill.ours <= gpu_alone(traffic) + not_yet + beside


@pytest.mark.parametrize("times", [0.1, 0.5, 0.9, 1.0, 1.1, 1.3, 2.0, 4.0, 10.0])
def test_steady_traffic_of_a_day_costs_at_most_half_as_much_again_as_the_better_of_the_two(times: float) -> None:
    traffic = [times * A_MINUTE] * 1440
    better = min(sum(traffic), gpu_alone(traffic))
    assert ours(traffic).ours <= 1.5 * better


@given(STRETCHES)
def test_it_neither_starts_below_the_price_nor_flickers(stretches: list[tuple[int, float]]) -> None:
    traffic = minutes_of(stretches)
    bill = ours(traffic)
    assert bill.starts * FIGURES.start_usd <= sum(traffic) + 1e-9
    assert bill.starts <= 1 + len(traffic) / (BOOT_MIN + REVIEW_MIN)


@given(st.floats(0, 7200), st.floats(0.01, 50))
def test_a_start_has_twice_what_it_may_lose_before_it(boot: float, price: float) -> None:
    figures = ChatGpuFigures(boot_seconds=boot, gpu_usd_per_hour=price)
    assert figures.start_usd >= 2 * figures.may_lose_usd >= 2 * price * boot / 3600
    assert not start_for_chats(0.999 * figures.start_usd, figures.start_usd, figures).wanted
    assert not start_for_chats(100.0, 1.29 * figures.review_usd, figures).wanted
    assert start_for_chats(figures.start_usd, 1.31 * figures.review_usd, figures).wanted


def test_a_young_gpu_is_not_judged() -> None:
    assert keep_for_chats(0.0, REVIEW_S - 1, FIGURES).wanted
    assert not keep_for_chats(0.0, REVIEW_S, FIGURES).wanted
    assert keep_for_chats(REVIEW_S / 3600 * PRICE, REVIEW_S, FIGURES).wanted
