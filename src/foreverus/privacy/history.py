"""A person's rows of PostgreSQL.

Their tombstone (a digest of their id) is written with the deletion. A trigger looks at the tombstones before a row of
somebody is written, under a lock that the deletion takes as well (migration 006), as it is with conversations
(`results/erasing.py`): a store that runs at the same time writes nothing back.
"""

from collections.abc import Mapping

from foreverus.aws.data_api import Database
from foreverus.privacy.receipts import digest_of

ERASED = "erased"  # whose sessions they were: nobody's any more
# In an order that foreign keys allow. A conversation's messages go with it.
_TABLES = (
    *("usage", "document_chunks", "documents", "memories", "preferences"),
    *("conversations", "batches", "users"),
)
_MESSAGES = (
    "SELECT count(*) FROM messages WHERE conversation_id IN "
    "(SELECT conversation_id FROM conversations WHERE user_id = :id)"
)


def erase_history(database: Database, user_id: str) -> Mapping[str, int]:
    """Table → rows that went. Sessions stay with what they cost, without whose they were. Once more changes nothing."""
    whose = {"id": user_id}
    with database.transaction(user_id):
        database.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))", whose)
        tombstone = "INSERT INTO erased_people (digest) VALUES (:digest) ON CONFLICT DO NOTHING"
        database.execute(tombstone, {"digest": digest_of(user_id)})
        counts = {"messages": _number(database.execute(_MESSAGES, whose))}
        for table in _TABLES:
            gone = f"WITH gone AS (DELETE FROM {table} WHERE user_id = :id RETURNING 1) SELECT count(*) FROM gone"  # noqa: S608  # the name is ours
            counts[table] = _number(database.execute(gone, whose))
        database.execute("UPDATE sessions SET owner = :erased WHERE owner = :id", {**whose, "erased": ERASED})
    return counts


def _number(rows: list[list[object]]) -> int:
    return int(str(rows[0][0])) if rows else 0
