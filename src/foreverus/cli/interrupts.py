"""Ctrl-C, twice: the first is a wish, the second an end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupts:
    """How often it was pressed."""

    count: int = 0

    def pressed(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Raises KeyboardInterrupt from the second time on."""
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """While it lasts, the first Ctrl-C ends no request in its middle. Off the main thread there is none to be seen."""
    seen = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.signal(signal.SIGINT, seen.pressed)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)
