"""The command line against a server on loopback, on a clock that only sleeping moves."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from foreverus.cli.__main__ import main
from foreverus.cli.context import Context
from tests.unit.cli.server import KEY, Server, running


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Keyboard(io.BytesIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Shell:
    """Runs commands in `folder`; `out` and `err` are the last command's, `slept` the seconds of every pause of it."""

    folder: Path
    url: str
    out: str = ""
    err: str = ""
    slept: list[float] = field(default_factory=list)
    input: bytes = b""
    on_sleep: Callable[[int], None] = lambda count: None

    def run(
        self, *words: str, interactive: bool = False, bare: bool = False, group: str = "batch", talk: bool = False
    ) -> int:
        """The exit status of `foreverus <group> …`. `bare`: without the server's address and key. `interactive`: the
        standard error is a terminal; `talk`: all three are."""
        out, err = Terminal() if talk else io.StringIO(), Terminal() if interactive or talk else io.StringIO()
        self.slept = []
        typed = Keyboard(self.input) if talk else io.BytesIO(self.input)
        context = Context(out, err, self.folder, lambda: sum(self.slept), self._sleep, typed)
        place = () if bare else ("--url", f"{self.url}/v1")
        if not bare:
            os.environ["FOREVERUS_API_KEY"] = KEY  # the fixture's monkeypatch takes it away again
        try:
            return main([group, *words, *place], context)
        finally:
            self.out, self.err = out.getvalue(), err.getvalue()

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_sleep(len(self.slept))


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as state:
        yield state


@pytest.fixture
def shell(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in [name for name in os.environ if name.startswith(("FOREVERUS_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FOREVERUS_API_KEY", "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    return Shell(tmp_path, server.url)
