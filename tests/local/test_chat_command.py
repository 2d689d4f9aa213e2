"""`foreverus chat` against the laptop's whole cloud, in a pipe and at a terminal, whatever backend answers there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.unit.cli.terminal import at_terminal

pytestmark = pytest.mark.cloud

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "foreverus.cli", "chat"]
PATIENCE_S = 600.0  # of which a GPU's boot is the most
ENDING = re.compile(r"^(gpu|bedrock) · \d+ \+ \d+ tokens", re.MULTILINE)


@pytest.fixture
def environment(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    """Address and key alone: where the WebSocket is, the ticket says."""
    ours = {"FOREVERUS_URL": cloud.outputs["api_url"], "FOREVERUS_API_KEY": cloud.outputs["api_key"]}
    ours |= {"PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm"}
    return {**os.environ, **ours}


def answers(person: Person, conversation_id: str) -> list[str]:
    listed = person.call("GET", f"/conversations/{conversation_id}/messages")["data"]
    return [one["content"] for one in listed if one["role"] == "assistant"]


def newest(person: Person) -> str:
    return str(person.call("GET", "/conversations")["data"][0]["id"])


def test_a_pipe_gets_the_answer_alone(person: Person, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*COMMAND, "--max-tokens", "24", "--temperature", "0", "Repeat this:"],
        env=environment,
        input="The sky is blue – céu azul.".encode(),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    told = done.stderr.decode()
    assert done.returncode == 0, told
    (answer,) = answers(person, newest(person))
    assert answer and done.stdout.decode() == (answer if answer.endswith("\n") else f"{answer}\n")
    assert ENDING.search(told) and "line for live text is down" not in told


def test_a_talk_is_written_as_it_comes_and_goes_on_later(person: Person, environment: dict[str, str]) -> None:
    options = ["--max-tokens", "32", "--temperature", "0"]
    with at_terminal([*COMMAND, *options], environment) as terminal:
        terminal.patience_s = PATIENCE_S
        terminal.sees("> ")
        terminal.type("Count from one to ten.\n")
        terminal.sees(r"(gpu|bedrock) · \d+ \+ \d+ tokens")
        terminal.type("/title Counting\n")
        terminal.sees(r"\nCounting\r\n")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
    conversation_id = newest(person)
    (answer,) = answers(person, conversation_id)
    assert shown(answer) in terminal.seen and terminal.seen.count(shown(answer)) == 1
    with at_terminal([*COMMAND, "--resume", conversation_id, *options], environment) as terminal:
        terminal.patience_s = PATIENCE_S
        terminal.sees(re.escape("> Count from one to ten."))
        terminal.type("Once more.\n")
        terminal.sees(r"(gpu|bedrock) · \d+ \+ \d+ tokens")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
    assert len(answers(person, conversation_id)) == 2


def shown(answer: str) -> str:
    """As a terminal's line discipline passes it on."""
    return answer.rstrip("\n").replace("\n", "\r\n")
