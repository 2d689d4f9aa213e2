"""`foreverus usage|quote|session|me` against the laptop's whole cloud: what the API really says, in words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.local.batches import jsonl, questions

pytestmark = pytest.mark.cloud

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0


def run(cloud: Cloud, *words: str, status: int = 0) -> str:
    """The command's standard output."""
    ours = {"FOREVERUS_URL": cloud.outputs["api_url"], "FOREVERUS_API_KEY": cloud.outputs["api_key"]}
    done = subprocess.run(
        [sys.executable, "-m", "foreverus.cli", *words],
        env={**os.environ, **ours, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_usage_is_told_by_what_was_asked(cloud: Cloud) -> None:
    month, forecast, days, headings, *rows = run(cloud, "usage", "--by", "day,backend").splitlines()
    assert "spent" in month and "left of $" in month and days.endswith("UTC:")
    assert forecast.startswith("At the present pace the month ends at US$ ")
    assert headings.split()[:3] == ["DAY", "BACKEND", "MESSAGES"]
    assert {"everybody", "you"} <= {row.split()[0] for row in rows}
    assert json.loads(run(cloud, "usage", "--json"))["object"] == "usage"


def test_a_batch_is_quoted_from_its_file_and_the_file_is_gone(cloud: Cloud, person: Person, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(questions(2)))
    before = person.call("GET", "/files")["data"]
    shown = run(cloud, "quote", str(path), "--window", "90m", "--answer-tokens", "20", "--why")
    assert shown.startswith("lines 2 · ") and "\nauto: " in shown and "\ngpu  " in shown and "\nbedrock  " in shown
    assert person.call("GET", "/files")["data"] == before


@pytest.mark.parametrize("words", [("--session", "2h"), ("--chat", "Why is the sky blue?", "--messages", "3")])
def test_sessions_and_chats_are_quoted(cloud: Cloud, words: tuple[str, ...]) -> None:
    assert "left of the month: $" in run(cloud, "quote", *words)
    assert json.loads(run(cloud, "quote", *words, "--json"))["object"] == "quote"


def test_what_nobody_has_is_told(cloud: Cloud, person: Person) -> None:
    assert run(cloud, "session", "watch", status=1) == ""
    assert run(cloud, "quote", "file-0123456789abcdef", status=1) == ""
