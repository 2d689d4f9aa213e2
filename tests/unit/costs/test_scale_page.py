"""docs/scale.md shows what src/foreverus/costs/scale.py reckons, with the sizes that code and template have."""

import doctest
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scale import gpus, people
from foreverus.choice.assumed import ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND
from foreverus.costs import scale
from foreverus.costs.scale import MOST_GPUS

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- bounds: computed, do not edit -->", "<!-- end of bounds -->"
CROWDS = (10, 1_000, 100_000)
MEASURED, MEASURED_END = "<!-- measured: of bench/results, do not edit -->", "<!-- end of measured -->"
COLUMNS = (
    *(("people", size, f"{size:,} on Bedrock") for size in people.SIZES),
    *(("gpus", size, f"{size} on {MOST_GPUS} GPUs") for size in gpus.SIZES),
)
ROWS = {
    "people without exactly their answers in order": "wrong",
    "calls of AWS for each answer": "calls",
    "of them frames to the page": "pushes",
    "of them transactions": "transactions",
    "refused by another transaction on the month's cap, and made again": "month",
    "items written for each conversation": "items",
    "KB written for each conversation": "written",
    "KB read for each answer": "read",
    "of them of what waits for Bedrock": "waiting_read",
    "messages in work or waiting at once, at most": "waiting",
    "GPUs that answered": "used",
    "of the GPU with the fewest answers: its share of an equal part": "share",
    "seconds here": "seconds",
}


def round_down(people: float) -> int:
    """To two digits: the assumptions give no more.

    >>> round_down(1234.5), round_down(64.9), round_down(3488)
    (1200, 64, 3400)
    """
    step = 10 ** max(0, len(str(int(people))) - 2)
    return int(people // step) * step


def table() -> str:
    rows = ["| what | people | what happens then, and what the change is |", "|---|---|---|"]
    rows += [f"| {one.what} | {round_down(one.people):,} | {one.then} |" for one in scale.bottlenecks()]
    rows += [
        "",
        "| people who chat at once | answers a second | Lambdas at once | tokens a minute | GPUs instead |",
        "|---|---|---|---|---|",
    ]
    for crowd in CROWDS:
        answers = crowd * scale.QUESTIONS_A_MINUTE / 60
        tokens = crowd * scale.QUESTIONS_A_MINUTE * (scale.PROMPT_TOKENS + scale.ANSWER_TOKENS)
        gpus = answers * scale.ANSWER_TOKENS / scale.GPU_TOKENS_A_SECOND
        rows.append(
            f"| {crowd:,} | {answers:,.1f} | {scale.lambdas_at_once(crowd):,.0f} | {tokens:,.0f} | {gpus:,.1f} |"
        )
    return "\n".join(rows)


def measured() -> str:
    """Of the last time that they were named: `python -m bench scale_people scale_gpus`."""
    figures = json.loads((ROOT / "bench/results/bench.json").read_text(encoding="utf-8"))["figures"]
    found = {one["name"]: one["value"] for one in figures}
    rows = ["| measured | " + " | ".join(title for _, _, title in COLUMNS) + " |", "|---" * (1 + len(COLUMNS)) + "|"]
    for what, name in ROWS.items():
        values = [found.get(f"scale_{crowd}_{name}_{size}", "") for crowd, size, _ in COLUMNS]
        rows.append(f"| {what} | " + " | ".join(f"{one:,.4g}" if one != "" else "" for one in values) + " |")
    return "\n".join(rows)


def test_the_measured_table_is_of_the_results() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(MEASURED)[1].split(MEASURED_END)[0].strip()
    assert shown == measured(), "python -m tests.unit.costs.test_scale_page"


def test_the_table_is_computed() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert shown == table(), "python -m tests.unit.costs.test_scale_page"


def test_assumptions_are_those_of_the_prices_and_of_the_template() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    (most,) = re.findall(r"^  MaxGpus:\n(?:    .*\n)*?    MaxValue: (\d+)", template, re.MULTILINE)
    assert int(most) == scale.MOST_GPUS
    assert scale.BEDROCK_TOKENS_A_SECOND == ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND


def test_nothing_but_quotas_parameters_and_gpus_gives_way_below_a_thousand_people() -> None:
    raised = ("Lambdas at once", "Bedrock:", "GPU", "`LIMITS#everybody`")  # by a word to AWS, by money, by a parameter
    below = [one.what for one in scale.bottlenecks() if one.people < 1_000]
    assert below and all(any(word in what for word in raised) for what in below), below


@given(st.floats(0.1, 1e6), st.floats(1e-3, 1e3))
def test_twice_the_capacity_carries_twice_the_people(capacity: float, each: float) -> None:
    assert scale.people(2 * capacity, each) == pytest.approx(2 * scale.people(capacity, each))


def test_examples() -> None:
    assert doctest.testmod(scale).failed == 0


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for begin, end, made in ((BEGIN, END, table()), (MEASURED, MEASURED_END, measured())):
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{made}\n{end}{rest.split(end)[1]}"
    PAGE.write_text(text, encoding="utf-8")
