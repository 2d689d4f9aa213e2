"""What the faults have come to, as files: a summary that is committed, and the whole log that is not."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = ROOT / "bench" / "results" / "faults.json"
LOG = ROOT / ".local" / "faults.json"
VIOLATIONS = ("leaked", "lost", "duplicated", "wrong")
PLAIN = "chat"  # a person's two questions: a case of no scenario's name

Case = dict[str, Any]


def save_cases(cases: Sequence[Case], seconds: float, summary: Path = SUMMARY, log: Path = LOG) -> None:
    """A whole run of the matrix, beside what the summary has of the five ways and the mutants."""
    save_log(cases, log)
    of = f"one whole run, {datetime.now(UTC).date().isoformat()}"
    save({"of": of, **summarised(cases, seconds)}, summary)


def save_log(cases: Sequence[Case], log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    shown = [{key: value for key, value in one.items() if key != "calls"} for one in cases]
    log.write_text(json.dumps(shown, indent=1) + "\n")


def save(parts: dict[str, Any], summary: Path = SUMMARY) -> None:
    """Puts these parts in the places of the earlier ones."""
    kept = json.loads(summary.read_text()) if summary.exists() else {}
    summary.write_text(text({**kept, **parts}))


def summarised(cases: Sequence[Case], seconds: float) -> dict[str, Any]:
    """`cases` that have each violation, in all and by scenario, and the longest that an orphan lived. Pure."""
    by_scenario: dict[str, list[Case]] = {}
    for case in cases:
        by_scenario.setdefault(scenario_of(case["name"]), []).append(case)
    return {
        "summary": {**counts(cases), "seconds": round(seconds, 1)},
        "scenarios": {name: counts(by_scenario[name]) for name in sorted(by_scenario)},
    }


def counts(cases: Sequence[Case]) -> dict[str, Any]:
    """
    >>> one = {"struck": 1, "orphan_s": 2.0, "leaked": [], "lost": ["q1"], "duplicated": [], "wrong": []}
    >>> counts([one, {**one, "struck": 0}])
    {'cases': 2, 'injected': 1, 'leaked': 0, 'lost': 2, 'duplicated': 0, 'wrong': 0, 'longest_orphan_s': 2.0}
    """
    injected = sum(1 for one in cases if one["struck"])
    violations = {kind: sum(1 for one in cases if one[kind]) for kind in VIOLATIONS}
    longest = max((one["orphan_s"] for one in cases), default=0.0)
    return {"cases": len(cases), "injected": injected, **violations, "longest_orphan_s": longest}


def scenario_of(name: str) -> str:
    """
    >>> scenario_of("batch/strike:host_gone@last"), scenario_of("call:A:s3:GetObject@=lost.once")
    ('batch', 'chat')
    """
    prefix, slash, _ = name.partition("/")
    return prefix if slash and prefix in SCENARIOS else PLAIN


def text(parts: dict[str, Any]) -> str:
    """JSON that a person can read: a scenario, a way, a mutant a line."""
    return "{\n" + ",\n".join(_part(name, part) for name, part in parts.items()) + "\n}\n"


def _part(name: str, part: Any) -> str:
    is_table = isinstance(part, dict | list) and part and all(isinstance(row, dict) for row in _rows(part))
    if not is_table:
        return f" {json.dumps(name)}: {json.dumps(part)}"
    if isinstance(part, list):
        return f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in part) + "\n ]"
    lines = [f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in part.items()]
    return f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }"


def _rows(part: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from part.values() if isinstance(part, dict) else part
