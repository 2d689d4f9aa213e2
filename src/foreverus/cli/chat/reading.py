"""What people type: lines with history at a prompt, and /stop while an answer is written."""

import contextlib
import os
import select
import sys
from pathlib import Path

from foreverus.cli.context import Context
from foreverus.cli.failures import UsageError
from foreverus.cli.settings import history_file

PROMPT, MORE = "> ", "… "
QUOTES = '"""'
HISTORY_LINES = 1000
TYPED_BYTES = 1 << 16
SAYS_AFTER_S = 2.0


class TypedInput:
    """Lines of the terminal: with readline's editing and history where this is one, else as they come."""

    def __init__(self, context: Context):
        self._context = context
        self._ahead: list[str] = []  # typed while an answer was written
        self._history: Path | None = None
        self._edits = context.input is getattr(sys.stdin, "buffer", None) and context.out.isatty()
        if self._edits:
            self._begin_history()

    def read(self) -> str:
        """What is to be sent, of one line or several. Raises EOFError at its end, KeyboardInterrupt, UsageError."""
        first = self._line(PROMPT)
        text = self._quoted(first) if first.lstrip().startswith(QUOTES) else self._continued(first)
        try:
            text.encode()
        except UnicodeEncodeError as err:
            raise UsageError("This terminal sends something else than UTF-8: set LC_ALL=C.UTF-8. Not sent.") from err
        return text

    def typed(self) -> list[str]:
        """Lines that were typed meanwhile; it waits for none. All but /stop are the next to be read."""
        if not self._context.input.isatty():
            return []
        with contextlib.suppress(OSError, ValueError):  # Windows selects sockets alone
            fd = self._context.input.fileno()
            if select.select([fd], [], [], 0)[0]:
                return os.read(fd, TYPED_BYTES).decode("utf-8", "replace").splitlines()
        return []

    def read_next(self, line: str) -> None:
        self._ahead.append(line)

    def close(self) -> None:
        if self._history:
            import readline

            with contextlib.suppress(OSError):
                self._history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._history.touch(mode=0o600)
                readline.set_history_length(HISTORY_LINES)
                readline.write_history_file(str(self._history))
                self._history.chmod(0o600)

    def _begin_history(self) -> None:
        try:
            import readline
        except ImportError:  # Windows has none
            return
        self._history = history_file()
        if self._history:
            with contextlib.suppress(OSError):
                readline.read_history_file(str(self._history))

    def _line(self, prompt: str) -> str:
        if self._ahead:
            return self._ahead.pop(0)
        if self._edits:
            return input(prompt)
        self._context.err.write(prompt)
        self._context.err.flush()
        line = self._context.input.readline()
        if not line:
            raise EOFError
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def _quoted(self, first: str) -> str:
        lines = [first.lstrip().removeprefix(QUOTES)]
        while not lines[-1].rstrip().endswith(QUOTES):
            lines.append(self._line(MORE))
        lines[-1] = lines[-1].rstrip().removesuffix(QUOTES)
        text = "\n".join(lines).strip("\n")
        return f"/{text}" if text.startswith("/") else text  # what is quoted is no command

    def _continued(self, first: str) -> str:
        lines = [first]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(self._line(MORE))
        return "\n".join(lines)


def piped(context: Context, most_bytes: int) -> str:
    """All of the standard input, which is no terminal. Raises UsageError where it is no text or too long."""
    with contextlib.suppress(OSError, ValueError):
        if not select.select([context.input.fileno()], [], [], SAYS_AFTER_S)[0]:
            context.say("Reading the standard input to its end; where nothing comes from it: </dev/null")
    content = context.input.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise UsageError(f"The text has more than {most_bytes:,} bytes: send less of it. Nothing was sent.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise UsageError(
            f"The standard input is no UTF-8 text (byte {err.start}): `iconv -f latin1 -t utf-8` makes it one. "
            "Nothing was sent."
        ) from err
