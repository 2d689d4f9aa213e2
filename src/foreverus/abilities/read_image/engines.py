"""What reads pictures in our own container: the port, and the program behind it."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from foreverus.abilities.task.programs import Programs
from foreverus.backends.images import ImageKind
from foreverus.errors import BackendUnavailable

LONGEST_S = 90.0
MODULE, PACKAGE = "foreverus.abilities.read_image.rapid_engine", "rapidocr"


class Eye(Protocol):
    def lines(self, picture: bytes, kind: ImageKind) -> list[str]:
        """What stands in it, from top to bottom. Raises PromptRejected, EngineFailed and HandedBack."""


@dataclass(frozen=True, slots=True)
class ProgramEye:
    programs: Programs

    def lines(self, picture: bytes, kind: ImageKind) -> list[str]:
        made = self.programs.run(MODULE, (kind.value,), picture, LONGEST_S)
        return [str(one) for one in json.loads(made)]


def installed(programs: Programs) -> ProgramEye:
    """Raises BackendUnavailable where this image has none."""
    if find_spec(PACKAGE):
        return ProgramEye(programs)
    raise BackendUnavailable("No engine that reads pictures is installed here.")
