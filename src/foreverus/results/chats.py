"""Moves what was answered without a session, on Bedrock, from DynamoDB into PostgreSQL.

Each write wakes Aurora for five minutes, and people chat all day: it is done together with something else that is
stored, or once a day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from foreverus.aws import keys
from foreverus.aws.data_api import Database
from foreverus.aws.dynamo import Table
from foreverus.conversations.records import MessageRef
from foreverus.conversations.store import ConversationStore
from foreverus.results.people import PeopleRows
from foreverus.results.sessions import Exchange, write_exchanges
from foreverus.results.writing import RowWriter

AT_HOUR = 3  # UTC: when nothing else has been stored
TURN_MINUTES = 5  # `store_results` comes as often
AT_ONCE = 500  # messages


@dataclass(frozen=True, slots=True)
class StoredChats:
    messages: int
    refused: int = 0  # rows that PostgreSQL does not take: the log names them


@dataclass(frozen=True)
class ChatResults:
    items: Table
    database: Database | None  # None: deployed without PostgreSQL
    people: PeopleRows
    clock: Callable[[], datetime]

    def is_due(self) -> bool:
        now = self.clock()
        return now.hour == AT_HOUR and now.minute < TURN_MINUTES

    def store(self) -> StoredChats | None:
        """Up to AT_ONCE of them; None: there are none. What is stored is not found again."""
        conversations = ConversationStore(self.items)
        messages = list(islice(conversations.answered_by(keys.NO_SESSION), AT_ONCE))
        if not messages or self.database is None:
            return None
        writer, answered = RowWriter(self.database), list[Exchange]()
        for message in messages:
            answered += writer.read("messages", message.message_id, partial(_exchange, conversations, message))
        write_exchanges(writer, self.people, answered, None)
        for one in messages:
            self.items.delete(keys.answered_key(keys.NO_SESSION, one.message_id))
        return StoredChats(len(answered), len(writer.refused))


def _exchange(conversations: ConversationStore, message: MessageRef) -> list[Exchange]:
    """None where the conversation was deleted."""
    found = conversations.exchange(message)
    return [found] if found else []
