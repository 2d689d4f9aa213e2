"""What people wait for, in one line that goes when it is over; without such a terminal, a line at each change."""

import shutil

from foreverus.cli.context import Context, printable
from foreverus.cli.settings import is_dumb

ERASE = "\r\x1b[K"


class StatusLine:
    """Shows no colour, so NO_COLOR changes nothing."""

    def __init__(self, context: Context):
        self._context = context
        self._rewrites = context.interactive and not is_dumb()
        self._shown = ""  # what stands there now
        self._told = ""

    def show(self, what: str, detail: str = "") -> None:
        """`detail` moves all the time: alone it is no news where lines cannot be rewritten."""
        line = printable(" · ".join(part for part in (what, detail) if part))
        if self._rewrites:
            line = line[: shutil.get_terminal_size().columns - 1]
            if line != self._shown:
                self._write(f"{ERASE}{line}")
                self._shown = line
        elif what != self._told:
            self._context.say(line)
        self._told = what

    def clear(self) -> None:
        if self._shown:
            self._write(ERASE)
            self._shown = ""

    def say(self, line: str) -> None:
        """Something that stays."""
        self.clear()
        self._context.say(printable(line))

    def _write(self, text: str) -> None:
        self._context.err.write(text)
        self._context.err.flush()
