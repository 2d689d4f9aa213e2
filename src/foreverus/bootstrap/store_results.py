"""What is kept in PostgreSQL."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.database import StoreResultsSettings

if TYPE_CHECKING:
    from foreverus.results.store import ResultsKeeper


@cache
def build() -> "ResultsKeeper":
    from foreverus.batches.store import BatchStore
    from foreverus.conversations.erasing import ConversationEraser
    from foreverus.conversations.store import ConversationStore
    from foreverus.deletions.owed import OwedDeletions, OwedKind
    from foreverus.deletions.work import Deletions, Erase
    from foreverus.results.batches import BatchSummaries
    from foreverus.results.chats import ChatResults
    from foreverus.results.erasing import EraseConversation, EraseDocument, EraseExchange, EraseFile
    from foreverus.results.people import PeopleRows
    from foreverus.results.sessions import SessionResults
    from foreverus.results.store import ResultsKeeper
    from foreverus.sessions.store import SessionStore

    env = StoreResultsSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    postgres = aws.database(env.database_cluster_arn, env.database_secret_arn, env.database_name)
    batches, people = BatchStore(table), PeopleRows(table, postgres)
    erase: dict[OwedKind, Erase] = {
        OwedKind.CONVERSATION: EraseConversation(ConversationEraser(table), postgres),
        OwedKind.EXCHANGE: EraseExchange(postgres),
        OwedKind.DOCUMENT: EraseDocument(aws.objects(env.data_bucket), postgres, aws.clock),
        OwedKind.FILE: EraseFile(aws.objects(env.data_bucket), batches, aws.clock),
    }
    return ResultsKeeper(
        SessionResults(ConversationStore(table), SessionStore(table), postgres, people, aws.clock),
        BatchSummaries(batches, postgres, aws.clock),
        Deletions(OwedDeletions(table), erase, aws.clock),
        ChatResults(table, postgres, people, aws.clock),
        people,
        aws.metrics(),
    )
