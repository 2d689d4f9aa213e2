"""What is measured: never more than is free, nothing of a person in it, and nothing fails for it."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foreverus.backends.port import BackendName
from foreverus.metric_definitions import FREE, METRICS, USD_A_MONTH, VALUES, By, Dimension, Name, RequestKind, billed
from foreverus.metrics import MEMORY_EVERY_S, MOST_VALUES, SILENT, GpuFigures, Metrics, memory_mb
from tests.metrics_seen import metrics_of

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def said(tell: Callable[[Metrics], None], more: bool = False) -> list[str]:
    lines: list[str] = []
    tell(Metrics("foreverus", source="test", more=more, write=lines.append, clock=lambda: NOW))
    return lines


def everything(metrics: Metrics) -> None:
    """Each method, with each value that a closed dimension has."""
    for by in By:
        for kind in (RequestKind.CHAT, RequestKind.API):
            metrics.answer(by, kind, 0.5, 2.0)
            metrics.answer(by, kind, None, 2.0, "engine_failed")
        metrics.lines(by, {"": 3, "engine_failed": 1})
    metrics.session(3, 5)
    metrics.month(1.5, 3.0)
    metrics.orphans([7, 400])
    metrics.dead_letters(2)
    metrics.unsaved(90)
    metrics.gpu(GpuFigures(50, 2, 10, 99, 80, 40))


def on_the_bill(lines: list[str]) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(name, tuple(sorted(where.items()))) for line in lines for name, where, _, _ in metrics_of(line)}


def test_all_that_the_code_can_say_are_the_ten_that_are_free() -> None:
    found = on_the_bill(said(everything))
    assert len(found) == billed() == FREE == 10
    assert {name for name, _ in found} == {name for name, one in METRICS.items() if not one.optional}


def test_more_metrics_are_an_option_and_the_template_says_their_price() -> None:
    found = on_the_bill(said(everything, more=True))
    assert {name for name, _ in found} == set(Name)
    assert len(found) == billed(more=True)
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    (words,) = re.findall(r'  MoreMetrics:\n    Type: String\n    Default: "false" # (.+)', template)
    beyond = billed(more=True) - FREE
    assert words.startswith(f"{beyond} metrics beyond the ten that are free, US$ {beyond * USD_A_MONTH:.2f} a month")


def test_no_other_source_file_writes_a_metric() -> None:
    """So the count above is all that there is."""
    sources = (ROOT / "src").rglob("*.py")
    speak = {one.name for one in sources if "CloudWatchMetrics" in one.read_text(encoding="utf-8")}
    assert speak == {"metrics.py"}
    callers = [one for one in (ROOT / "src").rglob("*.py") if re.search(r"put_metric_data|emf_line\(", one.read_text())]
    assert [one.name for one in callers] == ["metrics.py"]


def test_dimensions_are_closed_and_none_is_of_a_person() -> None:
    assert set(VALUES) == set(Dimension)
    assert {one.value for one in By} == {one.value for one in BackendName} - {
        "auto",
        "sagemaker",
        "polly",
        "transcribe",
        "container",
    }
    for _, where in on_the_bill(said(everything, more=True)):
        for dimension, value in where:
            assert dimension == "stack" or value in VALUES[Dimension(dimension)]


@pytest.mark.parametrize("foreign", ["ana@example.com", "fu_" + "a" * 43, "", "GPU"])
def test_who_answers_is_a_backend_or_the_line_is_not_said(foreign: str, caplog: pytest.LogCaptureFixture) -> None:
    lines = said(lambda metrics: metrics.answer(foreign, RequestKind.CHAT, 1.0, 2.0))
    assert foreign not in str([list(metrics_of(line)) for line in lines]) or not foreign
    assert not any(json.loads(line).get("backend") for line in lines)


def test_an_answer_says_its_times_and_whether_it_failed() -> None:
    (good,) = map(json.loads, said(lambda metrics: metrics.answer("gpu", RequestKind.CHAT, 0.5, 2.0)))
    assert (good["FirstWordSeconds"], good["AnswerSeconds"], good["FailedPercent"]) == (0.5, 2.0, 0.0)
    (bad,) = map(json.loads, said(lambda metrics: metrics.answer("gpu", RequestKind.CHAT, 0.5, 9.0, "engine_failed")))
    assert "AnswerSeconds" not in bad, "no whole answer, so none that was slow"
    assert (bad["FailedPercent"], bad["error"], bad["kind"], bad["requests"]) == (100.0, "engine_failed", "chat", 1)


@pytest.mark.parametrize("lines", [1, MOST_VALUES, MOST_VALUES + 1, 12_345])
def test_each_line_of_a_batch_counts_once_however_many_there_are(lines: int) -> None:
    told = said(lambda m: m.lines("bedrock", {"": lines - 1, "engine_failed": 1}))
    found = [values for line in told for _, _, values, _ in metrics_of(line)]
    assert sum(map(len, found)) == lines and sum(map(sum, found)) == 100.0
    plain = [json.loads(line) for line in told]
    assert (sum(one["requests"] for one in plain), sum(one["failed"] for one in plain)) == (lines, 1)
    assert max(map(len, found)) <= MOST_VALUES
    assert [one["failed"] for one in plain if "error" in one] == [1], "an error's code is said of its own lines only"


@pytest.mark.parametrize(("healthy", "minutes"), [(0, 0), (0, 9), (11, 20), (240, 240), (300, 240)])
def test_a_sessions_minutes_are_each_healthy_or_not(healthy: int, minutes: int) -> None:
    found = [
        one
        for line in said(lambda m: m.session(healthy, minutes))
        for _, _, values, _ in metrics_of(line)
        for one in values
    ]
    assert len(found) == minutes and found.count(100.0) == min(healthy, minutes)


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_left_out(figure: float) -> None:
    (line,) = said(lambda m: m.answer("gpu", RequestKind.CHAT, figure, 2.0))
    assert {name for name, _, _, _ in metrics_of(line)} <= {Name.ANSWER, Name.FAILED, Name.FIRST_WORD}
    assert all(map(math.isfinite, [value for _, _, values, _ in metrics_of(line) for value in values]))


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    (line,) = said(lambda m: m.answer("gpu", RequestKind.CHAT, -3.0, -1.0))
    assert (json.loads(line)["FirstWordSeconds"], json.loads(line)["AnswerSeconds"]) == (0.0, 0.0)


@pytest.mark.parametrize("error", [OSError("no log"), ValueError("closed file"), RuntimeError("anything")])
def test_a_log_that_fails_fails_nothing_else(error: Exception) -> None:
    tried = []

    def broken(line: str) -> None:
        tried.append(line)
        raise error

    everything(Metrics("foreverus", write=broken, clock=lambda: NOW))
    assert len(tried) > 1


def test_figures_of_the_gpu_are_plain_fields_until_they_are_asked_for() -> None:
    (plain,) = said(lambda m: m.gpu(GpuFigures(slots=50, gpu_use=99)))
    assert json.loads(plain)["GpuPercent"] == 99 and "_aws" not in json.loads(plain)
    (billed_,) = said(lambda m: m.gpu(GpuFigures(slots=50, gpu_use=99)), more=True)
    assert {name for name, _, _, _ in metrics_of(billed_)} == {Name.SLOTS, Name.GPU_USE}


def test_nobody_measures_where_nothing_is_to_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    everything(SILENT)
    assert capsys.readouterr().out == ""


def test_memory_is_asked_for_once_for_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking the system took three quarters of what all metrics of a busy worker take; a figure that only grows may be
    some seconds old."""
    import resource

    asked: list[int] = []
    real = resource.getrusage

    def counted(who: int) -> object:
        asked.append(who)
        return real(who)

    monkeypatch.setattr(resource, "getrusage", counted)
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    memory_mb.cache_clear()
    lines = [line for _ in range(5) for line in said(everything)]
    assert len(lines) > 20 and len(asked) == 1
    now[0] += MEMORY_EVERY_S
    assert json.loads(said(everything)[0])["memory_mb"] > 0
    assert len(asked) == 2
