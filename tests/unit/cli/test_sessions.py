"""`foreverus session`: whose work is on the GPU is said before it is switched off."""

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Shell
from tests.unit.cli.server import Server, error


@pytest.fixture
def live(server: Server) -> Server:
    server.sessions["ses_0"] = {"id": "ses_0", "status": "ended", "end_requested": True}
    server.sessions["ses_1"] = {"id": "ses_1", "status": "serving", "end_requested": False}
    server.work = {
        "messages": {"yours": 1, "of_others": 2},
        "batches": [batch("batch_1", "you", 3), batch(None, "somebody_else", 24), batch("batch_3", "schedule", 5)],
    }
    return server


def batch(batch_id: str | None, owner: str, left: int) -> dict[str, Any]:
    return {"id": batch_id, "owner": owner, "lines": 60, "lines_left": left, "goes_on": owner != "you"}


SAID = [
    "your batch batch_1: 3 of 60 lines left; it ends with the GPU",
    "somebody else's batch: 24 of 60 lines left; it goes on later, or on Bedrock",
    "the schedule's batch batch_3: 5 of 60 lines left; it goes on later, or on Bedrock",
    "messages without an answer: 1 of yours, 2 of others; what is not answered then fails",
]


def deletes(server: Server) -> int:
    return sum(method == "DELETE" for method, _, _ in server.requests)


@pytest.mark.parametrize("named", [(), ("ses_1",)])
def test_end_says_whose_work_it_is_and_asks(live: Server, shell: Shell, named: tuple[str, ...]) -> None:
    shell.input = b"y\n"
    assert shell.run("end", *named, interactive=True, group="session") == 0
    *said, asked = shell.err.splitlines()
    assert said == SAID and asked == "Switch off the GPU (ses_1)? [y/N] "
    assert shell.out == "ses_1 is ending\n"
    assert live.sessions["ses_1"]["end_requested"] and deletes(live) == 1


@pytest.mark.parametrize("answer", [b"", b"\n", b"n\n", b"nao\n", b"yesterday\n"])
def test_anything_but_yes_leaves_it_on(live: Server, shell: Shell, answer: bytes) -> None:
    shell.input = answer
    assert shell.run("end", interactive=True, group="session") == 0
    assert "It stays on." in shell.err and deletes(live) == 0


def test_where_nobody_can_be_asked_it_takes_yes(live: Server, shell: Shell) -> None:
    assert shell.run("end", group="session") == 2
    assert "--yes" in shell.err and deletes(live) == 0
    assert shell.run("end", "--yes", "--json", group="session") == 0
    assert json.loads(shell.out)["id"] == "ses_1" and deletes(live) == 1


def test_work_is_shown_without_ending_anything(live: Server, shell: Shell) -> None:
    assert shell.run("work", group="session") == 0
    assert shell.out.splitlines() == SAID
    assert shell.run("work", "--json", group="session") == 0
    assert json.loads(shell.out)["batches"] == live.work["batches"]
    live.work = {"messages": {"yours": 0, "of_others": 0}, "batches": []}
    assert shell.run("work", group="session") == 0 and shell.out == "Nothing waits.\n"
    assert deletes(live) == 0


def test_no_gpu_an_unknown_one_and_a_refusal_are_told(server: Server, shell: Shell) -> None:
    assert shell.run("end", "--yes", group="session") == 1 and "No GPU is on." in shell.err
    assert shell.run("end", "ses_9", "--yes", group="session") == 1 and "ses_9" in shell.err
    server.sessions["ses_1"] = {"id": "ses_1", "status": "serving"}
    server.fail_next("DELETE /sessions/ses_1", error(403, "Only an admin \x1b[2J", code="admins_only"))
    assert shell.run("end", "--yes", group="session") == 1
    assert "Only an admin" in shell.err and "\x1b" not in shell.err
