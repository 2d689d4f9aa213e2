"""What reads aloud in our own container: the port, and the programs behind it, of which an image has one."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from foreverus.abilities.task.programs import Programs
from foreverus.errors import BackendUnavailable, PromptRejected

LONGEST_S = 60.0
# The module that reads, and the package that it needs: the first one that is installed.
ENGINES = (
    ("foreverus.abilities.text_to_speech.piper_engine", "piper"),
    ("foreverus.abilities.text_to_speech.espeak_engine", "espeakng_loader"),
)


class Mouth(Protocol):
    def read(self, text: str, voice: str, sound: str, speed: float) -> bytes:
        """`voice`: one that the container has (voices.py); `sound`: a `Sound`'s value. Raises PromptRejected,
        EngineFailed and HandedBack."""


@dataclass(frozen=True, slots=True)
class ProgramMouth:
    programs: Programs
    module: str

    def read(self, text: str, voice: str, sound: str, speed: float) -> bytes:
        asked = json.dumps({"text": text, "speed": speed}).encode()
        made = self.programs.run(self.module, (sound, voice), asked, LONGEST_S)
        if not made:
            raise PromptRejected("There is nothing in it that can be read aloud.")
        return made


def installed(programs: Programs) -> ProgramMouth:
    """Raises BackendUnavailable where this image has none."""
    for module, package in ENGINES:
        if find_spec(package):
            return ProgramMouth(programs, module)
    raise BackendUnavailable("No engine that reads aloud is installed here.")
