"""What makes a document one that can be found."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.bootstrap.documents import documents_database
from foreverus.settings.documents import IndexDocumentSettings

if TYPE_CHECKING:
    from foreverus.documents.indexing import DocumentIndexer

READ_S = 180  # what reading may take: its own function ends after less


@cache
def build() -> "DocumentIndexer":
    from botocore.config import Config

    from foreverus.abilities.embed.titan import TitanEmbedder
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.documents.indexing import AT_ONCE, DocumentIndexer
    from foreverus.documents.lent import LentLogin
    from foreverus.documents.passages import PostgresPassages
    from foreverus.documents.reading.apart import asker
    from foreverus.documents.store import DocumentStore

    env = IndexDocumentSettings.from_env(os.environ)
    patient = Config(read_timeout=READ_S, retries={"total_max_attempts": 2})
    reader = LambdaFunction(aws.client("lambda", None, patient), env.read_document_function)
    calls = Config(max_pool_connections=AT_ONCE, read_timeout=60)
    return DocumentIndexer(
        store=DocumentStore(aws.items(env.table_name)),
        objects=aws.objects(env.data_bucket),
        read=asker(reader.ask),
        embedder=TitanEmbedder(aws.client("bedrock-runtime", None, calls)),
        passages=PostgresPassages(LentLogin(lambda: documents_database(env), aws.clock).database),
        purse=shared.purse(env.table_name, env.monthly_cap_usd),
        clock=aws.clock,
    )
