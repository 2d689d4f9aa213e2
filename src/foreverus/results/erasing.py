"""What people have deleted goes from every store, and does not come back.

A conversation's tombstone (the id alone) is written with its deletion in PostgreSQL. A trigger looks at the tombstones
before a conversation or a message is written, under a lock that the deletion takes as well: of a store that runs at the
same time, either the rows are there before the deletion, and go, or they are not written (migration 004). Of a file
PostgreSQL has nothing: a batch's row has counts and no text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus import ids
from foreverus.aws.data_api import Database
from foreverus.aws.s3 import Objects
from foreverus.batches.finishing import batch_of_file
from foreverus.batches.records import BatchRef
from foreverus.batches.store import Batches
from foreverus.conversations.erasing import ConversationEraser
from foreverus.deletions.owed import OwedDeletion
from foreverus.documents.passages import forget_document
from foreverus.documents.records import KEPT_KEYS, document_arrival_key
from foreverus.files.records import arrival_key, object_key
from foreverus.results.people import forget_document_row


@dataclass(frozen=True)
class EraseConversation:
    """From DynamoDB once more, because a crash may have left a part, then from PostgreSQL."""

    eraser: ConversationEraser
    database: Database | None  # None: deployed without PostgreSQL

    def __call__(self, owed: OwedDeletion) -> bool:
        self.eraser.erase(owed.name)
        if self.database is not None:
            erase_conversation(self.database, owed.name, owed.user_id)
        return True


def erase_conversation(database: Database, conversation_id: str, user_id: str) -> None:
    """Its messages go with it. Once more changes nothing."""
    whose = {"id": conversation_id}
    with database.transaction(user_id):
        database.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))", whose)
        database.execute(
            "INSERT INTO erased_conversations (conversation_id) VALUES (:id) ON CONFLICT DO NOTHING", whose
        )
        database.execute("DELETE FROM conversations WHERE conversation_id = :id", whose)


@dataclass(frozen=True)
class EraseExchange:
    """The table has nothing of it any more: it went with what is owed (`conversations/deleting.py`)."""

    database: Database | None

    def __call__(self, owed: OwedDeletion) -> bool:
        conversation_id, _, message_id = owed.name.partition("/")
        if self.database is not None:
            erase_exchange(self.database, conversation_id, message_id, owed.user_id)
        return True


def erase_exchange(database: Database, conversation_id: str, message_id: str, user_id: str) -> None:
    """A question and its answer. Once more changes nothing."""
    lock = "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))"
    with database.transaction(user_id):
        database.execute(lock, {"id": conversation_id})
        database.execute(
            "INSERT INTO erased_exchanges (message_id) VALUES (:id) ON CONFLICT DO NOTHING", {"id": message_id}
        )
        both = {"question": message_id, "answer": ids.answer_id(message_id)}
        database.execute("DELETE FROM messages WHERE message_id IN (:question, :answer)", both)


@dataclass(frozen=True)
class EraseDocument:
    """From the bucket and from PostgreSQL. Once more when nobody can be reading it any more."""

    objects: Objects
    database: Database | None
    clock: Callable[[], datetime]

    def __call__(self, owed: OwedDeletion) -> bool:
        for key in KEPT_KEYS:
            self.objects.erase(key(owed.user_id, owed.name))
        if owed.is_settled(self.clock()):  # before, what is there keeps a presigned address from being used
            self.objects.erase(document_arrival_key(owed.user_id, owed.name))
        if self.database is not None:
            forget_document(self.database, owed.user_id, owed.name)
            forget_document_row(self.database, owed.user_id, owed.name)
        return True


@dataclass(frozen=True)
class EraseFile:
    """From the bucket, and of a batch's output or error file the lines in DynamoDB that it was made of. A batch that is
    not over needs them. Its copy of the input goes when it is over (`batches/finishing.py`)."""

    objects: Objects
    batches: Batches
    clock: Callable[[], datetime]

    def __call__(self, owed: OwedDeletion) -> bool:
        self.objects.erase(object_key(owed.user_id, owed.name))
        if owed.is_settled(self.clock()):  # before, what is there keeps a presigned address from being used
            self.objects.erase(arrival_key(owed.user_id, owed.name))
        batch_id = batch_of_file(owed.name)
        if batch_id is None:
            return True
        batch = self.batches.get(BatchRef(owed.user_id, batch_id))
        if batch and not batch.is_over:
            return False
        self.batches.forget_lines(batch_id)
        return True
