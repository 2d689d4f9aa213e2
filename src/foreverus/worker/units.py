"""What the machine's units (image, weights, engine) say of themselves, and what a unit's end means.

Each unit has a file in MACHINE_DIR, which the machine's scripts write and the worker reads (on a laptop the instances'
host writes it): the first line is a word of `Word` and, of a unit that ended, how; the other lines are its last log
lines. Files need no rights of the worker's, and tell of a unit that ended before anybody looked.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

MOST_LINE_CHARACTERS = 300  # of a log line in an error's cause
CAUSE_LINES = 8

# What no other machine would do better: the image, a flag or the model is wrong, as docker, the registry, the hub and
# vLLM say it. Whatever is not known to be of this kind gets its other machine, MaxRelaunches times.
_HOPELESS = re.compile(
    r"manifest unknown|manifest for .* not found|no matching manifest|invalid reference format|pull access denied"
    r"|repository does not exist|repository name not known|requested access to the resource is denied"
    r"|insufficient_scope|failed to resolve reference .*: not found|unknown flag|unknown shorthand flag"
    r"|unrecognized arguments|error: argument |invalid choice|expected one argument"
    r"|executable file not found in \$PATH|exec format error|no such file or directory: unknown"
    r"|RepositoryNotFoundError|RevisionNotFoundError|GatedRepoError|EntryNotFoundError|is not a valid model identifier"
    r"|does not appear to have a file named|Unknown quantization|ValidationError|max_model_len|model architectures",
    re.IGNORECASE,
)
# Trouble of this machine or of the network, whatever else stands beside it.
_OF_THIS_MACHINE = re.compile(
    r"nvidia-container|could not select device driver|driver/library version mismatch|CUDA driver|no CUDA|NVML"
    r"|out of memory|no space left|toomanyrequests|too many requests|timeout|timed out|connection re|temporary failure"
    r"|\b50[0234]\b|unexpected EOF|Xid",
    re.IGNORECASE,
)
_HOPELESS_CODES = frozenset({2, 126, 127})  # a usage error; a program that cannot be run, or is not in the image


class Unit(StrEnum):
    IMAGE = "image"
    WEIGHTS = "weights"
    ENGINE = "engine"


class Word(StrEnum):
    WORKING = "working"
    READY = "ready"
    PREPARED = "prepared"  # it was there before the machine booted
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UnitState:
    """`code`: the exit status (128 and more: a signal), None while it lives. `lines`: the last ones of its log."""

    unit: Unit
    word: Word
    code: int | None = None
    lines: tuple[str, ...] = ()

    @classmethod
    def from_text(cls, unit: Unit, text: str) -> "UnitState | None":
        """None for what is no state: a file that is not written yet.

        >>> UnitState.from_text(Unit.ENGINE, "failed 125\\nno such image").code
        125
        """
        first, _, rest = text.partition("\n")
        word, _, code = first.strip().partition(" ")
        if word not in {one.value for one in Word}:
            return None
        lines = tuple(line.strip()[:MOST_LINE_CHARACTERS] for line in rest.splitlines() if line.strip())
        return cls(unit, Word(word), int(code) if code.isdigit() else None, lines)

    @property
    def cause(self) -> str:
        """For people: how it ended, and its last lines, the last one first."""
        how = "ended" if self.code is None else f"ended with exit status {self.code}"
        said = f" It said: {self.lines[-1]}" if self.lines else " It said nothing."
        before = self.lines[-CAUSE_LINES:-1]
        return f"The {_NAMES[self.unit]} {how}.{said}" + ("\n" + "\n".join(before) if before else "")

    @property
    def another_machine_can_help(self) -> bool:
        """Whether it may go better elsewhere: true for trouble of this machine or the network and for what is unknown,
        false for a wrong image, flag or model."""
        text = "\n".join(self.lines)
        if _OF_THIS_MACHINE.search(text):
            return True
        return self.code not in _HOPELESS_CODES and not _HOPELESS.search(text)


_NAMES = {Unit.IMAGE: "download of the engine's image", Unit.WEIGHTS: "download of the weights", Unit.ENGINE: "engine"}


class Units(Protocol):
    def look(self) -> dict[Unit, UnitState]:
        """The state of each unit that has one."""


class UnitFiles:
    """`Units` over the files in MACHINE_DIR."""

    def __init__(self, directory: Path):
        self.directory = directory

    def look(self) -> dict[Unit, UnitState]:
        found = {}
        for unit in Unit:
            try:
                state = UnitState.from_text(unit, (self.directory / unit).read_text(errors="replace"))
            except OSError:
                continue
            if state:
                found[unit] = state
        return found


class MemoryUnits:
    """Twin of `UnitFiles`."""

    def __init__(self) -> None:
        self.states: dict[Unit, UnitState] = {}

    def put(self, unit: Unit, text: str) -> None:
        state = UnitState.from_text(unit, text)
        assert state
        self.states[unit] = state

    def look(self) -> dict[Unit, UnitState]:
        return dict(self.states)


def failed(states: dict[Unit, UnitState]) -> UnitState | None:
    """The first unit that ended and should not have, in the order of a boot."""
    return next((states[unit] for unit in Unit if unit in states and states[unit].word is Word.FAILED), None)
