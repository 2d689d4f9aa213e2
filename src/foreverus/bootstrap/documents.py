"""People's documents: what the REST API does with them, and how PostgreSQL is asked for them."""

from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.aws.data_api import Database
    from foreverus.documents.service import Documents
    from foreverus.settings.api import ApiSettings
    from foreverus.settings.parts import LentDatabaseSettings

FIND_SECONDS = 20  # what somebody waits for passages, of API Gateway's 29


def people_documents(env: "ApiSettings") -> "Documents":
    from botocore.config import Config

    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.documents.service import Documents
    from foreverus.documents.store import DocumentStore

    once = Config(read_timeout=FIND_SECONDS, retries={"total_max_attempts": 1})
    function, finder = env.index_document_function, env.find_passages_function
    return Documents(
        store=DocumentStore(aws.items(env.table_name)),
        objects=aws.objects(env.data_bucket),
        once=shared.once(env.table_name),
        clock=aws.clock,
        index=LambdaFunction(aws.client("lambda"), function).call if function else None,
        find=LambdaFunction(aws.client("lambda", None, once), finder).ask if finder else None,
    )


def documents_database(env: "LentDatabaseSettings", tries: int = 12) -> "Database":
    """As the role that keeps and finds documents, with a secret that the sweep deletes. `tries`: while it resumes."""
    from foreverus.aws.data_api import Database
    from foreverus.results.migrations import DOCUMENTS_ROLE

    password = aws.secure_parameters().get(f"{env.database_passwords}/documents")
    secret_arn = aws.lent_secrets(env.table_name).leave(env.lent_secrets, DOCUMENTS_ROLE, password)
    return Database(aws.client("rds-data"), env.database_cluster_arn, secret_arn, env.database_name, tries=tries)
