"""What people have deleted goes from PostgreSQL too, and does not come back.

A tombstone (the id alone) is written with the deletion. A trigger looks at the tombstones before a conversation or a
message is written, under a lock that the deletion takes as well: of a store that runs at the same time, either the rows
are there before the deletion, and go, or they are not written (migration 004).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.attempts import Attempts
from foreverus.aws.data_api import Database
from foreverus.conversations.erasing import ConversationEraser
from foreverus.deletions.owed import OwedDeletion, OwedDeletions, OwedKind


@dataclass(frozen=True, slots=True)
class Erased:
    conversation_id: str


def erase_conversation(database: Database, conversation_id: str) -> None:
    """Its messages go with it. Once more changes nothing."""
    whose = {"id": conversation_id}
    with database.transaction():
        database.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))", whose)
        database.execute(
            "INSERT INTO erased_conversations (conversation_id) VALUES (:id) ON CONFLICT DO NOTHING", whose
        )
        database.execute("DELETE FROM conversations WHERE conversation_id = :id", whose)


@dataclass(frozen=True)
class ConversationDeletions:
    """Works off the owed deletions of conversations: DynamoDB once more, because a crash may have left a part, then
    PostgreSQL."""

    owed: OwedDeletions
    eraser: ConversationEraser
    database: Database | None  # None: deployed without PostgreSQL
    clock: Callable[[], datetime]

    def work_off(self, attempts: Attempts) -> list[Erased]:
        erased = []
        for one in self.owed.of(OwedKind.CONVERSATION):
            if one.is_due(self.clock()):
                with attempts.at(f"deleting {one.name}"):
                    erased.append(self._erase(one))
        return erased

    def _erase(self, one: OwedDeletion) -> Erased:
        try:
            self.eraser.erase(one.name)
            if self.database is not None:
                erase_conversation(self.database, one.name)
        except Exception:
            self.owed.count_try(one)
            raise
        self.owed.done(one)
        return Erased(one.name)
