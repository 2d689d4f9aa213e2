"""Every rule on every held-out stream, with seeds and their spread: a table and a plot in docs/costs.md, two figures.

Nothing here was looked at while a number of the rules was chosen: those were chosen on the first halves.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figures import Figure, figure
from bench.policy import clairvoyant, plot
from bench.policy.requests import SOURCES, Source
from bench.policy.rows import Row
from bench.policy.rules import CONSTANTS, AlwaysOn, Auto, BedrockOnly, ChatsAuto, Idle, SkiRental
from bench.policy.world import MEAN_BOOT_S, Outcome, World

NAME = "policy"
SEEDS = range(5)
ROOT = Path(__file__).parents[2]
PAGE, RESULTS = ROOT / "docs/costs.md", ROOT / "bench/results/policy.json"
BEGIN, END = "<!-- policy: computed, do not edit -->", "<!-- end of policy -->"
GOAL_IDLE, GOAL_BOTH = 1.15, 1.10


IDLE = ("auto", "auto, pauses alone", "best constant, pauses alone", "always on", "5 s", "300 s", "900 s", "break-even")
BOTH = ("chats auto", "Bedrock only", "GPU only", "break-even (both)")


def rows(held_out: bool = True, seeds: range = SEEDS) -> Iterator[Row]:
    for source in SOURCES:
        for share in source.shares:
            yield row(source, share, held_out, seeds)


def row(source: Source, share: float, held_out: bool, seeds: range) -> Row:
    ratios: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    a_day: dict[str, list[float]] = {}
    counts = []
    for seed in seeds:
        stream = source.stream(share, seed, held_out)
        counts.append(len(stream.requests))
        on = World(AlwaysOn(), stream, seed).run()
        ran = {
            "always on": on,
            **{f"{seconds:.0f} s": World(Idle(seconds), stream, seed).run() for seconds in (5, 300, 900)},
            "break-even": World(Idle(MEAN_BOOT_S), stream, seed).run(),
            "auto": World(Auto(), stream, seed).run(),
            "chats auto": World(ChatsAuto(), stream, seed).run(),
            "Bedrock only": World(BedrockOnly(), stream, seed).run(),
            "break-even (both)": World(SkiRental(), stream, seed).run(),
        }
        alone, both = clairvoyant.idle_alone(on.busy), clairvoyant.both(stream)
        days = (stream.end - stream.begin) / 86_400
        for name, one in ran.items():
            ratios.setdefault(name, []).append(one.usd / (both if name in BOTH else alone))
            waits.setdefault(name, []).append(one.wait_p50)
            a_day.setdefault(name, []).append(one.usd / days)
        ratios.setdefault("GPU only", []).append(ran["auto"].usd / both)
        a_day.setdefault("clairvoyant, idle alone", []).append(alone / days)
        a_day.setdefault("clairvoyant, both", []).append(both / days)
        for name, ratio in _pauses_alone(on, alone).items():
            ratios.setdefault(name, []).append(ratio)
    middle = ({name: median(values) for name, values in found.items()} for found in (waits, a_day))
    return Row(source.name, share, round(median(counts)), ratios, *middle)


def _pauses_alone(on: Outcome, best: float) -> dict[str, float]:
    """In the pauses as they are, where a boot keeps nobody waiting: against the clairvoyant, and the best constant."""
    auto = clairvoyant.pauses_alone(on.busy, Auto())
    constant = min(clairvoyant.pauses_alone(on.busy, Idle(seconds)) for seconds in CONSTANTS)
    return {
        "auto, pauses alone": auto / best,
        "best constant, pauses alone": constant / best,
        "auto ÷ best constant": auto / constant,
    }


# Name, rule, goal, what is measured.
FIGURES = (
    (
        "policy_idle",
        "auto",
        GOAL_IDLE,
        "IdleSeconds=auto without Bedrock: the whole bill ÷ that of who knows the future and lets nobody wait",
    ),
    (
        "policy_idle_constant",
        "auto ÷ best constant",
        GOAL_IDLE,
        "the same in the pauses alone, where waiting saves nothing ÷ the best constant in hindsight",
    ),
    (
        "policy_both",
        "chats auto",
        GOAL_BOTH,
        "ChatGpu=auto: the whole bill ÷ that of who knows the future of both backends",
    ),
)


def measure() -> Iterator[Figure]:
    found = list(rows())
    write(found)
    for name, rule, goal, what in FIGURES:
        samples = [ratio for one in found for ratio in one.ratios[rule]]
        yield figure(name, samples, goal, what=what, unit="×")


def write(found: list[Row]) -> None:
    RESULTS.write_text(json.dumps([_kept(one) for one in found], indent=1) + "\n")
    (ROOT / "docs/policy.svg").write_text(plot.svg(found))
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{table(found)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def table(found: list[Row]) -> str:
    """Two tables in Markdown: the middle of the seeds, and from the least to the most of them."""
    return "\n".join([*_table(found, IDLE, "auto"), "", *_table(found, BOTH, "chats auto")])


def _table(found: list[Row], names: tuple[str, ...], ours: str) -> list[str]:
    base = "clairvoyant, both" if ours == "chats auto" else "clairvoyant, idle alone"
    shown = [name.removesuffix(" (both)") for name in names]
    head = ["trace, thinned to", "requests", "clairvoyant, US$ a day", *shown, "median wait, s"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for one in found:
        cells = [
            one.title,
            f"{one.requests:,}",
            f"{one.a_day[base]:.2f}",
            *(_ratio(one.ratios[name]) for name in names),
        ]
        lines.append("| " + " | ".join([*cells, f"{one.waits[ours]:.1f}"]) + " |")
    return lines


def _ratio(values: list[float]) -> str:
    """
    >>> _ratio([1.0, 1.1, 1.25])
    '1.10 (1.00–1.25)'
    """
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def _kept(row: Row) -> dict[str, object]:
    return {
        "trace": row.title,
        "requests": row.requests,
        "ratios": {name: [round(one, 4) for one in values] for name, values in row.ratios.items()},
        "median_wait_s": {name: round(value, 2) for name, value in row.waits.items()},
        "usd_a_day": {name: round(value, 4) for name, value in row.a_day.items()},
    }
