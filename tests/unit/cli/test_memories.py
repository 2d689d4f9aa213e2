"""`foreverus memory`."""

import json

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import LOST, Server

ANA = {"id": "memory_1", "object": "memory", "text": "I am Ana.\x1b[2J", "enabled": True, "in_use": True}
TALK = {"id": "con_1", "title": "The\u202esea"}
OFF = {"id": "memory_2", "object": "memory", "text": "I am away.", "enabled": False, "in_use": False}
OFF["conversation"] = TALK
OVER = {"id": "memory_3", "object": "memory", "text": "I talk much.", "enabled": True, "in_use": False}
LIST = {"object": "list", "data": [ANA, OFF, OVER], "has_more": False, "budget_tokens": 500, "used_tokens": 40}


def test_the_list_says_what_is_read_and_what_it_takes(server: Server, shell: Shell) -> None:
    server.fail_next("GET /memories", (200, LIST), (200, LIST), (200, {**LIST, "data": []}))
    assert shell.run("list", group="memory") == 0
    assert shell.out.splitlines() == [
        "memory_1  on       I am Ana.\ufffd[2J",
        "memory_2  off      I am away.  (from The\ufffdsea)",
        "memory_3  no room  I talk much.",
    ]
    assert "40 of 500 tokens in each question." in shell.err
    assert shell.run("list", "--json", group="memory") == 0
    assert json.loads(shell.out) == LIST
    assert shell.run("list", group="memory") == 0
    assert (shell.out, shell.err.strip()) == ("", "Nothing is remembered.")


def test_one_that_is_added_by_two_tries_is_one(server: Server, shell: Shell) -> None:
    server.fail_next("POST /memories", LOST, (201, ANA))
    assert shell.run("add", "I am Ana.", group="memory") == 0
    assert shell.out == "memory_1\n"
    keys = [headers["Idempotency-Key"] for method, path, headers in server.requests if method == "POST"]
    assert len(keys) == 2 and len(set(keys)) == 1


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("memory", ("add", "a\udcff")),
        ("chat", ("Hi", "\udcff")),
        ("chat", ("--title", "a\udcff", "Hi")),
        ("chat", ("--system", "a\udcff", "Hi")),
        ("quote", ("--chat", "a\udcff")),
        ("key", ("create", "a\udcff")),
        ("batch", ("submit", "x.jsonl", "--metadata", "project=a\udcff")),
    ],
)
def test_text_that_is_no_utf_8_is_said_before_anything_is_sent(
    server: Server, shell: Shell, group: str, words: tuple[str, ...]
) -> None:
    assert shell.run(*words, group=group) == 2
    assert "is not UTF-8" in shell.err and "LC_ALL=C.UTF-8" in shell.err
    assert server.requests == []


def test_one_without_room_is_told(server: Server, shell: Shell) -> None:
    server.fail_next("POST /memories", (201, OVER))
    assert shell.run("add", "I talk much.", group="memory") == 0
    assert "not read" in shell.err


def test_one_is_forgotten_and_one_that_is_not_there_is_an_error(server: Server, shell: Shell) -> None:
    gone = {
        "error": {"message": "There is no memory 'memory_9'.", "type": "not_found_error", "code": "memory_not_found"}
    }
    server.fail_next("DELETE /memories/memory_1", (200, {"id": "memory_1", "deleted": True}))
    server.fail_next("DELETE /memories/memory_9", (404, gone))
    assert shell.run("forget", "memory_1", group="memory") == 0
    assert shell.out == "memory_1 forgotten\n"
    assert shell.run("forget", "memory_9", group="memory") == 1
    assert "There is no memory 'memory_9'." in shell.err


def test_one_is_switched_off_and_on_again_by_itself(server: Server, shell: Shell) -> None:
    asked: list[tuple[str, str, bool]] = []
    has_room = [True, True, False, True]

    def patched(method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, object]:
        enabled = json.loads(body)["enabled"]
        asked.append((method, path, enabled))
        return 200, {**ANA, "enabled": enabled, "in_use": enabled and has_room[len(asked) - 1]}

    server.more = patched
    assert shell.run("off", "memory_1", group="memory") == 0
    assert (shell.out, shell.err) == ("memory_1 is off\n", "")
    assert shell.run("on", "memory_1", group="memory") == 0
    assert (shell.out, shell.err) == ("memory_1 is on\n", "")
    assert shell.run("on", "memory_1", group="memory") == 0
    assert "not read: newer ones" in shell.err
    assert shell.run("on", "memory_1", "--json", group="memory") == 0
    assert json.loads(shell.out) == ANA
    assert asked == [("PATCH", "/memories/memory_1", enabled) for enabled in (False, True, True, True)]
