"""What a command touches besides the API: the terminal, the clock, the current folder."""

import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

_ORDER = (*range(0x2028, 0x202F), *range(0x2066, 0x206A))  # ends of lines, and what turns the reading order of the rest
_CONTROL = dict.fromkeys((*range(32), *range(127, 160), *_ORDER), "�")


def printable(text: str) -> str:
    """One line that a terminal shows as it is. Names and messages come from elsewhere and may hold escape sequences."""
    return text.translate(_CONTROL).encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Context:
    """Results go to `out`, so that a script can read them; everything else goes to `err`."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    folder: Path = field(default_factory=Path.cwd)
    clock: Callable[[], float] = time.monotonic  # seconds
    sleep: Callable[[float], None] = time.sleep  # seconds
    input: BinaryIO = field(default_factory=lambda: getattr(sys.stdin, "buffer", io.BytesIO()))  # a closed one is empty

    @property
    def interactive(self) -> bool:
        return self.err.isatty()

    def result(self, line: str) -> None:
        self.out.write(f"{line}\n")
        self.out.flush()

    def say(self, line: str) -> None:
        self.err.write(f"{line}\n")
        self.err.flush()
