"""The simulator: who knows the future is never beaten, streams are drawn by their seeds, the world's sums are right."""

import doctest
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.policy import clairvoyant, measure, plot, world
from bench.policy.requests import MONDAY, SOURCES, Request, Source, Stream
from bench.policy.rules import AlwaysOn, Auto, BedrockOnly, ChatsAuto, Idle, SkiRental
from bench.policy.world import Rule, World, bedrock_usd, gpu_usd
from foreverus.choice.chat_gpu import REVIEW_S, ChatGpuFigures

BOOT = 2  # minutes, of the small programme


def stream(*seconds: float, hours: float = 2.0) -> Stream:
    requests = tuple(Request(MONDAY + at, 1000, 200) for at in sorted(seconds))
    return Stream(name="made", share=1.0, begin=MONDAY, end=MONDAY + 3600 * hours, before=(), requests=requests)


def brute_force(off: list[float], on: list[float], gpu: float) -> float:
    """Every way to be off, booting or on, minute by minute."""
    best = float("inf")
    for states in product(["off", "boot", "on"], repeat=len(off)):
        if not _possible(states):
            continue
        costs = {"off": off, "boot": [one + gpu for one in off], "on": [one + gpu for one in on]}
        best = min(best, sum(costs[state][minute] for minute, state in enumerate(states)))
    return best


def _possible(states: tuple[str, ...]) -> bool:
    """A boot is `BOOT` minutes long, and on is what follows a whole boot, or on."""
    run, before = 0, "off"
    for state in states:
        if before == "boot" and state != "boot" and (run != BOOT or state != "on"):
            return False
        if state == "on" and before == "off":
            return False
        if state == "boot" and before == "on":  # first off, which costs nothing to leave out
            return False
        run = run + 1 if state == "boot" else 0
        if run > BOOT:
            return False
        before = state
    return before != "boot"


def test_examples_in_the_docstrings_hold() -> None:
    results = [doctest.testmod(module) for module in (clairvoyant, measure, world)]
    assert sum(one.failed for one in results) == 0 and sum(one.attempted for one in results) >= 4


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=8), st.integers(1, 4))
def test_the_dynamic_programme_is_as_good_as_trying_everything(minutes: list[tuple[int, int]], gpu: int) -> None:
    off, on = [float(a) for a, _ in minutes], [float(min(a, b)) for a, b in minutes]
    assert clairvoyant.best(off, on, BOOT, gpu) == pytest.approx(brute_force(off, on, gpu))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 7000), min_size=1, max_size=40), st.integers(0, 3))
def test_nobody_beats_who_knows_the_future_of_the_pauses(seconds: list[float], seed: int) -> None:
    busy = World(AlwaysOn(), stream(*seconds), seed).run().busy
    best = clairvoyant.idle_alone(busy)
    rules: list[Rule] = [Auto(), *(Idle(after) for after in (5, 60, 300, 900, 10_000))]
    assert all(clairvoyant.pauses_alone(busy, rule) >= best - 1e-12 for rule in rules)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 7000), st.integers(0, 400)), min_size=1, max_size=6), st.integers(0, 3))
def test_chats_auto_costs_at_most_half_as_much_again_as_bedrock_alone(
    crowds: list[tuple[float, int]], seed: int
) -> None:
    """Request by request, as the product sees them, with boots of any length that a boot takes."""
    made = stream(*(at + count for at, size in crowds for count in range(size)))
    ours, bedrock = (World(rule, made, seed).run() for rule in (ChatsAuto(), BedrockOnly()))
    unlucky = gpu_usd(world.BOOT_S[1] - world.MEAN_BOOT_S) * ours.starts  # a boot may take longer than was learned
    assert ours.usd <= 1.5 * bedrock.usd + unlucky + 1e-9


def test_bedrock_alone_costs_its_tokens_and_buys_nothing() -> None:
    made = stream(0, 10, 20)
    outcome = World(BedrockOnly(), made, 0).run()
    assert outcome.usd == pytest.approx(3 * bedrock_usd(made.requests[0]))
    assert (outcome.starts, outcome.on_bedrock, outcome.wait_p50) == (0, 1.0, 0.8)


def test_a_gpu_is_paid_from_its_start_to_the_end_of_its_idle_time() -> None:
    made = stream(0)
    ends = [World(Idle(after), made, 0).run() for after in (100.0, 400.0)]
    assert ends[1].usd - ends[0].usd == pytest.approx(gpu_usd(300))
    assert all(world.BOOT_S[0] < one.wait_p50 < world.BOOT_S[1] + 1 for one in ends)
    assert [one.starts for one in ends] == [1, 1]


def test_a_late_request_starts_another_gpu() -> None:
    assert World(Idle(60), stream(0, 3000), 0).run().starts == 2
    assert World(AlwaysOn(), stream(0, 3000), 0).run().starts == 1


def test_a_crowd_gets_a_gpu_for_as_long_as_it_is_there() -> None:
    crowd = stream(*(second / 2 for second in range(8000)), hours=6)  # 4,000 s of two requests a second
    outcome = World(ChatsAuto(), crowd, 0).run()
    assert outcome.starts == 1 and outcome.on_bedrock < 0.6
    figures = ChatGpuFigures(boot_seconds=world.MEAN_BOOT_S, gpu_usd_per_hour=world.GPU_USD_PER_HOUR)
    bedrock = World(BedrockOnly(), crowd, 0).run()
    assert outcome.usd < bedrock.usd and figures.start_usd < bedrock.usd
    assert outcome.usd < bedrock.usd * outcome.on_bedrock + gpu_usd(4000 + REVIEW_S)


def test_break_even_buys_sooner_than_the_product() -> None:
    some = stream(*(second * 1.0 for second in range(600)))
    assert World(SkiRental(), some, 0).run().starts == 1 and World(ChatsAuto(), some, 0).run().starts == 0


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: f"{one.name} {one.shares[0]}")
def test_streams_are_drawn_by_their_seeds_and_their_halves_share_nothing(source: Source) -> None:
    share = source.shares[-1]
    small = replace(source, days=min(source.days, 0.5))
    again, other = (small.stream(share, seed, held_out=True) for seed in (1, 2))
    assert small.stream(share, 1, held_out=True) == again != other
    train = small.stream(share, 1, held_out=False)
    assert train.end <= again.begin and not {*train.requests} & {*again.requests}
    for one in (train, again):
        assert all(one.begin <= request.at <= one.end for request in one.requests)
        assert list(one.requests) == sorted(one.requests, key=lambda request: request.at)
    assert all(request.at < again.begin for request in again.before) and not train.before


def test_table_and_plot_name_every_stream_and_rule() -> None:
    row = measure.row(Source(name="azure", shares=(0.01,)), 0.01, held_out=False, seeds=range(2))
    assert "azure 1 %" in measure.table([row]) and "break-even" in measure.table([row])
    drawn = plot.svg([row])
    assert drawn.count("<circle") == 2 * len(plot.MARKS) and "azure 1 %" in drawn
