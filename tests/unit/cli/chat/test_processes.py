"""`foreverus chat` as a process of its own, at a pseudo-terminal and in real pipes."""

import os
import re
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.unit.cli.chat_server import ChatServer
from tests.unit.cli.server import KEY
from tests.unit.cli.terminal import HANGS_S, Terminal, at_terminal

ROOT = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, "-m", "foreverus.cli", "chat"]


def environment(chats: ChatServer, folder: Path, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FOREVERUS_", "OPENAI_"))}
    ours = {"FOREVERUS_URL": f"{chats.server.url}/v1", "FOREVERUS_API_KEY": KEY, "PYTHONPATH": str(ROOT / "src")}
    return kept | ours | {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "TERM": "xterm"} | changes


def at_chat(chats: ChatServer, folder: Path, *words: str, **changes: str) -> AbstractContextManager[Terminal]:
    return at_terminal([*COMMAND, *words], environment(chats, folder, **changes))


@pytest.mark.parametrize("changes", [{}, {"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=["xterm", "dumb", "no colour"])
def test_a_talk(chats: ChatServer, tmp_path: Path, changes: dict[str, str]) -> None:
    chats.lines = [[("delta", 0, "It is "), ("delta", 6, "blue 😀"), ("final", "It is blue 😀", {})]]
    with at_chat(chats, tmp_path, **changes) as terminal:
        terminal.sees("> ")
        terminal.type("Why?\n")
        terminal.sees(r"It is blue 😀\r\nbedrock · 9 \+ 4 tokens")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
    assert chats.sent("POST") == [{"content": "Why?"}]
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.seen)
    if changes.get("TERM") == "dumb":
        assert "\x1b" not in terminal.seen
    history = tmp_path / "foreverus" / "history"
    assert "Why?" in history.read_text(encoding="utf-8") and history.stat().st_mode & 0o777 == 0o600


def test_no_history_is_kept_where_none_is_wanted(chats: ChatServer, tmp_path: Path) -> None:
    with at_chat(chats, tmp_path, FOREVERUS_HISTORY="") as terminal:
        terminal.sees("> ")
        terminal.type("/help\n/quit\n")
        assert terminal.ended() == 0
    assert not (tmp_path / "foreverus").exists()


@pytest.mark.parametrize("typed", ["/stop\n", "\x03"])
def test_an_answer_is_stopped_and_the_talk_goes_on(chats: ChatServer, tmp_path: Path, typed: str) -> None:
    stopped = {"finish_reason": "stopped"}
    chats.lines = [[("delta", 0, "It is"), ("stopped",), ("final", "It is", stopped)]]
    with at_chat(chats, tmp_path) as terminal:
        terminal.sees("> ")
        terminal.type("Why?\n")
        terminal.sees("It is")
        terminal.type(typed)
        terminal.sees(r"· stopped")
        terminal.type("/title\n")
        terminal.sees(r"It has no title\.\r\n(?s:.*)> ")
        terminal.type("\x04")
        assert terminal.ended() == 0
    assert len([one for one in chats.bodies if one[0] == "DELETE"]) == 1


def test_a_second_ctrl_c_leaves(chats: ChatServer, tmp_path: Path) -> None:
    chats.lines = [[("delta", 0, "It is"), ("stopped",), ("delta", 5, " so"), ("stopped",)]]
    with at_chat(chats, tmp_path) as terminal:
        terminal.sees("> ")
        terminal.type("Why?\n")
        terminal.sees("It is")
        terminal.type("\x03")
        terminal.sees("so")
        terminal.type("\x03")
        assert terminal.ended() == 130
    assert "Traceback" not in terminal.seen


def test_ctrl_c_at_the_prompt_loses_a_line_alone(chats: ChatServer, tmp_path: Path) -> None:
    with at_chat(chats, tmp_path) as terminal:
        terminal.sees("> ")
        terminal.type("half a li")
        terminal.sees("half a li")
        terminal.presses_until("\x03", "Ctrl-D leaves")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
    assert chats.sent("POST") == []


def test_what_is_typed_meanwhile_is_asked_next(chats: ChatServer, tmp_path: Path) -> None:
    chats.lines = [[("delta", 0, "One"), ("stopped",), ("final", "One.", {})]]
    with at_chat(chats, tmp_path) as terminal:
        terminal.sees("> ")
        terminal.type("first\n")
        terminal.sees("One")
        terminal.type("/title\n/stop\n")
        terminal.sees("It has no title")
        terminal.type("/quit\n")
        assert terminal.ended() == 0


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.ISO-8859-1", "POSIX"])
def test_a_pipe_gets_the_exact_text_in_every_locale(chats: ChatServer, tmp_path: Path, locale: str) -> None:
    text = "Olá 😀\r\n\tfim\n"
    chats.lines = [[("delta", 0, text[:5]), ("final", text, {})]]
    done = subprocess.run(
        [*COMMAND, "resuma"],
        env=environment(chats, tmp_path, LC_ALL=locale),
        input="relatório".encode(),
        capture_output=True,
        timeout=HANGS_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, text.encode()), done.stderr
    assert chats.sent("POST") == [{"content": "resuma\n\nrelatório"}]


def test_a_reader_that_leaves_stops_the_answer(chats: ChatServer, tmp_path: Path) -> None:
    """`foreverus chat --stream … | head -c 2`."""
    long = "It is blue. " * 20_000
    deltas = [("delta", n, long[n : n + 4000]) for n in range(0, len(long), 4000)]
    chats.lines = [[*deltas, ("stopped",), ("final", long, {"finish_reason": "stopped"})]]
    with subprocess.Popen(
        [*COMMAND, "--stream", "x"],
        env=environment(chats, tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        assert process.stdout.read(2) == b"It"
        process.stdout.close()
        told = process.stderr.read().decode()
        assert process.wait(HANGS_S) == 1
    assert "Traceback" not in told and "BrokenPipe" not in told
    assert [method for method, _, _ in chats.bodies] == ["POST", "DELETE"]
