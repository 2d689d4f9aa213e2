"""Works off what is owed: each deletion alone, again while it fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from foreverus.attempts import Attempts
from foreverus.deletions.owed import OwedDeletion, OwedDeletions, OwedKind


@dataclass(frozen=True, slots=True)
class Erased:
    kind: OwedKind
    name: str


# False: something needs a part of it for a while, and it is asked for again. Once more changes nothing.
Erase = Callable[[OwedDeletion], bool]


@dataclass(frozen=True)
class Deletions:
    """Works off the owed deletions, each alone."""

    owed: OwedDeletions
    erase: Mapping[OwedKind, Erase]
    clock: Callable[[], datetime]

    def work_off(self, attempts: Attempts) -> list[Erased]:
        erased = []
        for kind, erase in self.erase.items():
            with attempts.at(f"looking for deletions of {kind}s"):
                for one in self.owed.of(kind):
                    if one.is_due(self.clock()):
                        with attempts.at(f"deleting {one.label}"):
                            erased += self._erase(one, erase)
        return erased

    def _erase(self, one: OwedDeletion, erase: Erase) -> list[Erased]:
        try:
            is_gone = erase(one)
        except Exception:
            self.owed.count_try(one)
            raise
        if is_gone:
            self.owed.erased(one, self.clock())
        return [Erased(one.kind, one.label)] if is_gone else []
