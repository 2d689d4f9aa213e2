"""Where a running cloud keeps its files, and that there is one cloud in a directory at a time."""

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.processes import Failed

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local"


@dataclass(frozen=True)
class State:
    """A directory below `.local`. `make up` has `.local` itself, the demonstration and the tests have their own."""

    directory: Path = LOCAL

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def outputs(self) -> Path:
        """What is deployed and where; there while the cloud runs."""
        return self.directory / "outputs.json"

    @property
    def inbox(self) -> Path:
        return self.directory / "inbox.jsonl"

    @property
    def pid(self) -> Path:
        return self.directory / "up.pid"

    def claim(self) -> "Claim":
        """Failed, with the process that has it, when another cloud runs here."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return Claim(self)


class Claim:
    """Held by an advisory lock on the directory itself: the kernel drops it with the process, so it is never stale."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.handle = os.open(state.directory, os.O_RDONLY)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self.handle)
            raise Failed(
                f"The laptop's cloud runs already in {state.directory} (process {_read(state.pid)}). "
                f"Use it: its addresses are in {state.outputs}. Or end it with Ctrl-C first."
            ) from None
        state.pid.write_text(str(os.getpid()))
        state.outputs.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()

    def release(self) -> None:
        with contextlib.suppress(OSError):
            self.state.outputs.unlink(missing_ok=True)
            self.state.pid.unlink(missing_ok=True)
            os.close(self.handle)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return "unknown"


def write_json(path: Path, value: Any) -> None:
    """Readable by its owner alone (it may hold a password), and never seen half written."""
    new = path.with_suffix(f".{os.getpid()}.new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(value, indent=2) + "\n")
    new.replace(path)
