"""What bench makes of its samples: middle, spread, verdict, and the file that is committed."""

import json
import math
import random
from datetime import date
from pathlib import Path

import pytest

from bench import report
from bench.cold_start import breakdown, runs_figure
from bench.figures import Verdict, figure, middle_range, percentile, ratios, verdict


@pytest.mark.parametrize(
    ("samples", "at_least", "expected"),
    [
        ([1.0, 1.1, 1.2], False, Verdict.GOOD),
        ([1.0, 1.1, 1.1, 9.0], False, Verdict.GOOD),  # one accident in four
        ([1.0, 1.1, 9.0], False, Verdict.UNDECIDED),
        ([1.3, 1.3, 1.3, 1.0], False, Verdict.UNDECIDED),
        ([1.3, 1.21, 9.0], False, Verdict.BAD),
        ([1.2, 1.3, 9.0], True, Verdict.GOOD),
        ([1.0, 1.3, 9.0], True, Verdict.UNDECIDED),
        ([1.0, 1.19], True, Verdict.BAD),
    ],
)
def test_a_spread_over_the_limit_is_undecided(samples: list[float], at_least: bool, expected: Verdict) -> None:
    assert verdict(samples, 1.2, at_least) is expected


@pytest.mark.parametrize(
    ("samples", "waited", "expected"),
    [
        ([2.0, 3.0], [0.0, 0.04], Verdict.BAD),
        ([2.0, 3.0], [0.3, 0.5], Verdict.UNDECIDED),
        ([0.5, 0.9], [0.3, 0.5], Verdict.GOOD),  # in spite of everything
    ],
)
def test_a_busy_machine_flips_no_verdict(samples: list[float], waited: list[float], expected: Verdict) -> None:
    assert figure("f", samples, 1.2, what="w", unit="x", waited=waited).verdict is expected


def test_the_middle_of_the_pairs_is_the_value_and_not_the_ratio_of_the_middles() -> None:
    found = figure("rate", ratios([10, 40, 90], [10, 20, 30]), 1.5, what="w", unit="x", at_least=True, waited=[0.5])
    assert (found.value, found.lowest, found.highest) == (2.0, 1.0, 3.0)
    assert found.summary() == {
        **{"name": "rate", "what": "w", "value": 2.0, "unit": "x", "spread": [1.0, 3.0]},
        **{"limit": "at least 1.5", "verdict": "undecided", "waited": 0.5},
    }


def test_a_pair_without_its_other_half_is_no_pair() -> None:
    with pytest.raises(ValueError):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("percent", "expected"), [(1, 1), (50, 50), (99, 99), (100, 100)])
def test_percentiles_are_values_that_were_measured(percent: float, expected: int) -> None:
    assert percentile(range(1, 101), percent) == expected
    assert percentile([7.0], percent) == 7.0


@pytest.mark.parametrize(
    ("clock", "cpu", "expected"),
    [
        ([390.0] * 9 + [900.0], [300.0] * 10, Verdict.GOOD),
        ([900.0] * 10, [300.0] * 10, Verdict.UNDECIDED),  # the machine took the rest
        ([900.0] * 10, [500.0] * 10, Verdict.BAD),
    ],
)
def test_cold_starts_are_counted_by_the_clock_and_judged_by_the_processor(
    clock: list[float], cpu: list[float], expected: Verdict
) -> None:
    assert runs_figure("api", clock, cpu).verdict is expected


def test_imports_are_told_apart_by_who_brought_them() -> None:
    log = "import time: self [us] | cumulative | imported package\n"
    log += "import time:       500 |        900 |   botocore.client\nimport time:  1500 |  1500 | json\n"
    log += "import time:       250 |        250 |     foreverus.errors\nimport time:  250 |   500 | foreverus\n"
    assert breakdown(log) == {"botocore": 0.5, "other": 1.5, "foreverus": 0.5}


def test_new_figures_take_the_places_of_their_old_ones(tmp_path: Path) -> None:
    results, log = tmp_path / "bench.json", tmp_path / "log" / "bench.json"
    one, two = (figure(name, [1.0], 2.0, what="w", unit="x", all_of_them=[1, 2, 3]) for name in ("one", "two"))
    report.write([one, two], True, results, log)
    report.write([figure("one", [3.0], 2.0, what="w", unit="x")], False, results, log)
    kept = json.loads(results.read_text())["figures"]
    assert [(each["name"], each["value"], each["verdict"]) for each in kept] == [
        ("one", 3.0, "bad"),
        ("two", 1.0, "good"),
    ]
    assert len(results.read_text().splitlines()) == 4, "a figure a line"
    assert "all_of_them" not in results.read_text()
    report.write([two], True, results, log)
    assert [each["name"] for each in json.loads(results.read_text())["figures"]] == ["two"], "what is gone is gone"
    assert json.loads(log.read_text())[0]["detail"] == {"all_of_them": [1, 2, 3]}


def test_each_figure_says_when_and_on_what_it_was_measured() -> None:
    (found,) = report.merged([], [figure("one", [1.0], 2.0, what="w", unit="x")], date(2026, 11, 29), "2 processors")
    assert (found["date"], found["machine"]) == ("2026-11-29", "2 processors")


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([1.0, 1.01, 1.02, 1.01, 1.0, 1.02, 1.3, 0.9, 1.0], Verdict.GOOD),  # one accident on each side
        ([1.0, 1.06, 1.02, 1.05, 1.0, 1.04, 1.3, 0.9, 1.01], Verdict.UNDECIDED),
        ([1.05, 1.06, 1.04, 1.05, 1.07, 1.04, 1.3, 0.9, 1.06], Verdict.BAD),
        ([1.0, 1.01, 1.02, 1.01, 1.05], Verdict.UNDECIDED),  # too few to leave anything out
    ],
)
def test_many_noisy_pairs_are_decided_by_the_range_of_their_middle(samples: list[float], expected: Verdict) -> None:
    made = figure("f", samples, 1.03, what="w", unit="x", by_middle=True)
    assert made.verdict is expected and made.middle
    busy = figure("f", samples, 1.03, what="w", unit="x", by_middle=True, waited=[0.9])
    assert busy.verdict is (Verdict.GOOD if expected is Verdict.GOOD else Verdict.UNDECIDED)
    assert made.middle[0] <= made.value <= made.middle[1]
    assert f"its middle {made.summary()['middle'][0]} to" in report.line(made)


def test_the_middle_of_all_lies_in_its_range_as_often_as_is_said() -> None:
    """Of many draws of fifteen from a lopsided heap."""
    chance = random.Random(1)
    hits = 0
    for _ in range(2000):
        low, high = middle_range([chance.expovariate(1.0) for _ in range(15)])
        hits += low <= math.log(2) <= high
    assert hits >= 0.95 * 2000
