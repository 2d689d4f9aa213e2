"""`foreverus quote`: a file is there for as long as it is asked about; ranges in words."""

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server, error
from tests.unit.cli.test_submit import line, write

RANGE = {"low": 0.01, "expected": 0.02, "high": 0.05}
QUOTE: dict[str, Any] = {
    "object": "quote",
    "kind": "batch",
    "work": {"lines": {"low": 2, "expected": 2, "high": 2}, "prompt_tokens": {"low": 30, "expected": 40, "high": 60}},
    "backends": [
        {"backend": "gpu", "usd": RANGE, "seconds": {"low": 200, "expected": 260, "high": 400}, "why_not": None},
        {"backend": "bedrock", "usd": None, "seconds": None, "why_not": "It has no logit_bias\x1b."},
    ],
    "auto": {"backend": "gpu", "reason": "cheapest", "text": "The GPU costs less."},
    "assumptions": [{"name": "boot_seconds", "low": 150, "expected": 200, "high": 260, "unit": "s", "source": "here"}],
    "month": {"left_usd": 18.5, "monthly_cap_usd": 20},
}


@pytest.fixture
def asked(server: Server) -> list[dict[str, Any]]:
    """The bodies of POST /quotes, each answered; files are deleted."""
    found: list[dict[str, Any]] = []

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any] | None:
        if (method, path) == ("POST", "/quotes"):
            found.append(json.loads(body))
            assert found[-1].get("file_id", "file-1") in (*server.files, "file-1", "file-abc", "s3://b/inputs/x")
            return 200, QUOTE
        if method == "DELETE" and path.startswith("/files/"):
            return 200, server.files.pop(path.removeprefix("/files/"))
        return None

    server.more = answer
    return found


def test_a_file_is_uploaded_asked_about_and_deleted(server: Server, asked: list[dict[str, Any]], shell: Shell) -> None:
    write(shell.folder / "in.jsonl", line("a"), line("b"))
    assert shell.run("in.jsonl", "--window", "90m", "--answer-tokens", "50", group="quote") == 0
    (body,) = asked
    assert body == {
        "kind": "batch",
        "file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "90m",
        "answer_tokens": 50,
    }
    assert server.files == {}
    work, headings, gpu, bedrock, auto, left = shell.out.splitlines()
    assert work == "lines 2 · prompt tokens 40 (30 to 60)" and headings.split()[0] == "BACKEND"
    assert "$0.0200 ($0.0100 to $0.0500)" in gpu and "4 min 20 s (3 min 20 s to 6 min 40 s)" in gpu
    assert bedrock.split() == ["bedrock", "–", "–", "–", "It", "has", "no", "logit_bias\ufffd."]
    assert auto == "auto: gpu – The GPU costs less." and left == "left of the month: $18.50"


def test_it_is_deleted_too_where_the_quote_is_refused(
    server: Server, asked: list[dict[str, Any]], shell: Shell
) -> None:
    write(shell.folder / "in.jsonl", line("a"))
    server.fail_next("POST /quotes", error(400, "No.", code="invalid_field"))
    assert shell.run("in.jsonl", group="quote") == 1
    assert server.files == {}


def test_a_file_that_stays_is_told(server: Server, asked: list[dict[str, Any]], shell: Shell) -> None:
    write(shell.folder / "in.jsonl", line("a"))
    server.fail_next("DELETE /files/file-1", error(403, "No.", code="not_allowed"))
    assert shell.run("in.jsonl", group="quote") == 0
    assert "file-1 was uploaded for it and is still there" in shell.err


def test_a_bad_file_is_not_sent(server: Server, asked: list[dict[str, Any]], shell: Shell) -> None:
    write(shell.folder / "in.jsonl", {"custom_id": "a"})
    assert shell.run("in.jsonl", group="quote") == 2
    assert asked == [] and server.files == {}


@pytest.mark.parametrize("named", ["file-abc", "s3://b/inputs/x"])
def test_a_file_that_the_api_has_stays(server: Server, asked: list[dict[str, Any]], shell: Shell, named: str) -> None:
    assert shell.run(named, group="quote") == 0
    assert asked[0]["file_id"] == named and [method for method, _, _ in server.requests] == ["POST"]


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--session", "90"), {"kind": "session", "minutes": 90}),
        (("--session", "2h", "--on-demand"), {"kind": "session", "minutes": 120, "allow_on_demand": True}),
        (("--session", "0"), {"kind": "session", "minutes": 0}),
        (("--chat", "Why?", "--messages", "5"), {"kind": "chat", "prompt": "Why?", "messages": 5}),
        (("--chat", "Why?", "--images", "2"), {"kind": "chat", "prompt": "Why?", "messages": 1, "images": 2}),
    ],
)
def test_sessions_and_chats(
    asked: list[dict[str, Any]], shell: Shell, words: tuple[str, ...], body: dict[str, Any]
) -> None:
    assert shell.run(*words, "--why", group="quote") == 0
    assert asked == [body]
    assert shell.out.splitlines()[-1] == "  boot seconds: 150 / 200 / 260 s (here)"
    assert shell.run(*words, "--json", group="quote") == 0
    assert json.loads(shell.out) == QUOTE


@pytest.mark.parametrize("words", [(), ("in.jsonl", "--session", "5"), ("--session", "5", "--chat", "x")])
def test_one_thing_is_named(server: Server, shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run(*words, group="quote") == 2
    assert "Name one thing" in shell.err and server.requests == []


@pytest.mark.parametrize("given", ["25h", "-1", "soon", "1441"])
def test_no_time_is_told(server: Server, shell: Shell, given: str) -> None:
    with pytest.raises(SystemExit) as ended:
        shell.run(f"--session={given}", group="quote")
    assert ended.value.code == 2
