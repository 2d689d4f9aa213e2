"""What listens in our own container: the port, and the programs behind it, of which an image has one."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from foreverus.abilities.speech_to_text.container import read_answer
from foreverus.abilities.speech_to_text.port import Transcript
from foreverus.abilities.task.programs import Programs
from foreverus.errors import BackendUnavailable

LONGEST_S = 240.0
# The module that listens, and the package that it needs: the first one that is installed.
ENGINES = (
    ("foreverus.abilities.speech_to_text.whisper_engine", "faster_whisper"),
    ("foreverus.abilities.speech_to_text.sphinx_engine", "pocketsphinx"),
)


class Ear(Protocol):
    def hear(self, recording: bytes, kind: str, language: str) -> Transcript:
        """`kind`: a `MediaKind`'s value. Raises PromptRejected, EngineFailed and HandedBack."""


@dataclass(frozen=True, slots=True)
class ProgramEar:
    programs: Programs
    module: str

    def hear(self, recording: bytes, kind: str, language: str) -> Transcript:
        return read_answer(self.programs.run(self.module, (kind, language), recording, LONGEST_S).decode())


def installed(programs: Programs) -> ProgramEar:
    """Raises BackendUnavailable where this image has none."""
    for module, package in ENGINES:
        if find_spec(package):
            return ProgramEar(programs, module)
    raise BackendUnavailable("No engine that listens is installed here.")
