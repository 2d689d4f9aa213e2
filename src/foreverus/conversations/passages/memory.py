"""Passages in memory: the twin of `asking.py` for tests."""

from dataclasses import dataclass, field

from foreverus.conversations.records import MessageRef
from foreverus.documents.records import PassagesFound


@dataclass
class MemorySources:
    """`people`: who has documents. `found`: for any question of theirs."""

    people: set[str] = field(default_factory=set)
    found: PassagesFound = field(default_factory=PassagesFound)
    asked: list[MessageRef] = field(default_factory=list)

    def any_of(self, user_id: str) -> bool:
        return user_id in self.people

    def find(self, message: MessageRef) -> PassagesFound:
        self.asked.append(message)
        return self.found
