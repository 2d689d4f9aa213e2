"""Who finds passages in people's documents: for a search, or for a question that waits."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.bootstrap.documents import documents_database
from foreverus.settings.documents import FindPassagesSettings, FindSourcesSettings

if TYPE_CHECKING:
    from foreverus.conversations.passages.finding import QuestionPassages
    from foreverus.documents.finding import PassageFinder


@cache
def build() -> "PassageFinder":
    from foreverus.abilities.embed.titan import LEAST_SIMILARITY, TitanEmbedder
    from foreverus.documents.finding import PassageFinder
    from foreverus.documents.lent import LentLogin
    from foreverus.documents.passages import PostgresPassages
    from foreverus.documents.store import DocumentStore

    env = FindPassagesSettings.from_env(os.environ)
    login = LentLogin(lambda: documents_database(env, tries=0), aws.clock)  # somebody waits
    finder = PassageFinder(
        store=DocumentStore(aws.items(env.table_name)),
        embedder=TitanEmbedder(aws.client("bedrock-runtime")),
        passages=PostgresPassages(login.database),
        least=LEAST_SIMILARITY,
        relog=login.forget,
    )
    return aws.lasting(finder)


@cache
def build_for_questions() -> "QuestionPassages":
    from foreverus.conversations.passages.finding import QuestionPassages

    return aws.lasting(QuestionPassages(aws.items(FindSourcesSettings.from_env(os.environ).table_name), build()))
