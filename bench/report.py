"""What was measured, as files: a readable summary that is committed, and the whole log that is not."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bench.figures import Figure
from local.state import LOCAL

RESULTS = Path(__file__).parent / "results" / "bench.json"
LOG = LOCAL / "bench.json"


def line(figure: Figure) -> str:
    shown = figure.summary()
    low, high = shown["spread"]
    middle = f", its middle {shown['middle'][0]} to {shown['middle'][1]}" if figure.middle else ""
    waited = f", waited {figure.waited:.0%} of the time" if figure.waited else ""
    return (
        f"{shown['verdict']:9} {figure.name:26} {shown['value']} {figure.unit} "
        f"({low} to {high}{middle}, {shown['limit']}{waited}): {figure.what}"
    )


def machine() -> str:
    """A note: what the figures were measured on, and how busy it was."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}{load}"


def write(
    figures: Sequence[Figure], whole: bool, results: Path = RESULTS, log: Path = LOG, others: Sequence[str] = ()
) -> None:
    """`whole`: these are all that there are, but those whose names begin as `others`; else they take their places among
    those of earlier runs."""
    today, note = datetime.now(UTC).date(), machine()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(json.dumps([asdict(figure) for figure in figures], indent=1, default=str) + "\n")
    kept = json.loads(results.read_text())["figures"] if results.exists() else []
    if whole:
        kept = [one for one in kept if one["name"].startswith(tuple(others))]
    results.write_text(text(merged(kept, figures, today, note)))


def merged(kept: Sequence[dict[str, Any]], figures: Sequence[Figure], on: date, note: str) -> list[dict[str, Any]]:
    """The new figures in the places of their old ones, those that are new at the end."""
    new = {figure.name: {**figure.summary(), "date": on.isoformat(), "machine": note} for figure in figures}
    return [*(new.pop(one["name"], one) for one in kept), *new.values()]


def text(figures: Sequence[dict[str, Any]]) -> str:
    """JSON with a figure a line."""
    lines = ",\n".join("  " + json.dumps(one) for one in figures)
    return f'{{"figures": [\n{lines}\n]}}\n'
