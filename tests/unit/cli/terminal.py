"""A program at a pseudo-terminal: what a person sees and types."""

import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

HANGS_S = 60


class Terminal:
    """`patience_s`: for anything to be seen."""

    def __init__(self, fd: int, process: "subprocess.Popen[bytes]", patience_s: float = HANGS_S):
        self.fd, self.process, self.seen, self.patience_s = fd, process, "", patience_s

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def sees(self, pattern: str) -> str:
        """Reads until it is there."""
        while not re.search(pattern, self.seen):
            assert select.select([self.fd], [], [], self.patience_s)[0], f"{pattern!r} never came: {self.seen!r}"
            try:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError as err:  # Linux: the other end is closed
                raise AssertionError(f"it ended without {pattern!r}: {self.seen!r}") from err
        return self.seen

    def presses_until(self, key: str, pattern: str) -> None:
        """As people do: Python's readline may miss a Ctrl-C between two looks."""
        for _ in range(HANGS_S):
            self.type(key)
            while select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                if re.search(pattern, self.seen):
                    return
        raise AssertionError(f"{pattern!r} never came: {self.seen!r}")

    def ended(self) -> int:
        with suppress(OSError):
            while select.select([self.fd], [], [], HANGS_S)[0] and (more := os.read(self.fd, 65536)):
                self.seen += more.decode("utf-8", "replace")
        return self.process.wait(HANGS_S)


@contextmanager
def at_terminal(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            os.close(ours)


def _take_terminal() -> None:
    """The pseudo-terminal becomes the one whose Ctrl-C counts."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
