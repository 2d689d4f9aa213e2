"""One loop over all duties, every five minutes, and one rule for what fails (`attempts.py`).

A duty finds what a crash left undone; each of its repairs is tried alone. What fails makes the whole sweep fail when
everything was tried: the log names it, and the next sweep tries again. The reaper is no duty: nothing may hold it up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from foreverus.attempts import Attempts
from foreverus.errors import ForeverUsError


class SweepFailed(ForeverUsError):
    """Names what could not be done; all else was."""


@dataclass(frozen=True)
class Repair:
    """`run` returns what it did, in a word or two; nothing where nothing was to be done."""

    subject: str
    run: Callable[[], str | None]


Duty: TypeAlias = Callable[[], Iterable[Repair]]


def sweep(duties: Mapping[str, Duty]) -> dict[str, list[str]]:
    """What was done for each duty, as `<subject> <what>`. Raises SweepFailed."""
    attempts, done = Attempts(), {}
    for name, find in duties.items():
        did: list[str] = []
        done[name] = did
        with attempts.at(f"looking for {name}"):
            for repair in find():
                with attempts.at(f"{name}: {repair.subject}"):
                    if what := repair.run():
                        did.append(f"{repair.subject} {what}")
    attempts.raise_any(SweepFailed)
    return done
