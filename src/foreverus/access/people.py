"""Whether people are still there, without asking Cognito at each request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

# API Gateway keeps the authorizer's answer for as long again (template.yaml: ReauthorizeEvery). Together that is the
# minute after which nobody who was removed gets in (records.py: REVOKED_WITHIN_SECONDS).
LOOK_EVERY_S = 30.0
MOST_PEOPLE = 10_000  # of whom one process remembers anything


class Directory(Protocol):
    def is_active(self, user_id: str) -> bool:
        """Whether the person is there and enabled. Raises where nobody can say."""


@dataclass
class People:
    """`is_active` answers from memory for LOOK_EVERY_S, `look` never does."""

    directory: Directory
    clock: Callable[[], datetime]
    _seen: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def is_active(self, user_id: str) -> bool:
        seen = self._seen.get(user_id)
        if seen is not None and 0 <= self.clock().timestamp() - seen[0] < LOOK_EVERY_S:
            return seen[1]
        return self.look(user_id)

    def look(self, user_id: str) -> bool:
        """Asks the directory now."""
        at, active = self.clock().timestamp(), self.directory.is_active(user_id)
        if len(self._seen) >= MOST_PEOPLE:
            self._seen.clear()
        self._seen[user_id] = (at, active)
        return active
