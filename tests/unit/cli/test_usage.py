"""`foreverus usage`: sums in words, by what was asked."""

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server

SUM = {
    "messages": 12,
    "prompt_tokens": 3400,
    "completion_tokens": 1200,
    "usd": 0.00075,
    "if_gpu_usd": 0.0123,
    "if_bedrock_usd": None,
    "if_always_on_usd": 580.0,
}
USAGE: dict[str, Any] = {
    "object": "usage",
    "month": "2026-11",
    "spent_usd": 1.25,
    "live_usd": 0.0,
    "reserved_usd": 0.5,
    "left_usd": 18.25,
    "caps": {"monthly_usd": 20.0, "session_usd": 4.0},
    "from": "2026-11-01",
    "to": "2026-11-29",
    "group_by": ["day", "person"],
    "team": {"totals": SUM, "groups": [{"day": "2026-11-02", "person": "ana\x1b[2J", **SUM}]},
    "own": {"totals": SUM | {"messages": 3}, "groups": []},
    "assumptions": [{"name": "gpu_tokens_per_second", "expected": 452.0, "unit": "tokens/s", "source": "learned"}],
}


@pytest.fixture
def asked(server: Server) -> list[dict[str, list[str]]]:
    """The queries of GET /usage, each answered."""
    found: list[dict[str, list[str]]] = []

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any] | None:
        if (method, path) != ("GET", "/usage"):
            return None
        found.append(query)
        return 200, USAGE if "group_by" in query else USAGE | {"group_by": []}

    server.more = answer
    return found


def test_the_month_and_everybody_s_sums(asked: list[dict[str, list[str]]], shell: Shell) -> None:
    assert shell.run(group="usage") == 0
    month, days, headings, everybody, you, assumed = shell.out.splitlines()
    assert month == "2026-11: $1.25 spent · $0.50 set aside for what is under way · $18.25 left of $20.00"
    assert days == "2026-11-01 to 2026-11-29, UTC:" and headings.split()[:2] == ["WHO", "MESSAGES"]
    assert everybody.split() == ["everybody", "12", "3,400", "1,200", "$0.000750", "$0.0123", "?", "$580.00"]
    assert you.split()[:2] == ["you", "3"] and assumed.strip() == "gpu tokens per second: 452.0 tokens/s (learned)"
    assert asked == [{}]


def test_groups_are_asked_for_and_shown(asked: list[dict[str, list[str]]], shell: Shell) -> None:
    assert shell.run("--by", "day,person", "--from", "2026-11-01", "--to", "2026-11-29", group="usage") == 0
    assert asked == [{"group_by": ["day,person"], "from": ["2026-11-01"], "to": ["2026-11-29"]}]
    _, _, headings, row, *_ = shell.out.splitlines()
    assert headings.split()[:3] == ["DAY", "PERSON", "MESSAGES"]
    assert row.split()[:3] == ["2026-11-02", "ana\ufffd[2J", "12"]


def test_json_is_what_the_api_said(asked: list[dict[str, list[str]]], shell: Shell) -> None:
    assert shell.run("--json", group="usage") == 0
    assert json.loads(shell.out) == USAGE | {"group_by": []}


def test_an_api_of_an_earlier_version_has_the_month_alone(server: Server, shell: Shell) -> None:
    server.more = lambda *_: (200, {"object": "usage", "month": "2026-11", "spent_usd": 0.0, "left_usd": 20.0})
    assert shell.run(group="usage") == 0
    assert shell.out == "2026-11: $0.00 spent · $20.00 left\n"


@pytest.mark.parametrize("words", [("--by", "week"), ("--from", "yesterday"), ("--to", "2026-1-1")])
def test_wrong_words_are_told_before_anything_is_asked(server: Server, shell: Shell, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        shell.run(*words, group="usage")
    assert ended.value.code == 2 and server.requests == []
