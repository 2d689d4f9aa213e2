"""What keeps results in PostgreSQL, and what a deployment runs."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap.aws import client, clock, database, items

if TYPE_CHECKING:
    from foreverus.aws.data_api import Database
    from foreverus.deployment.site import Site
    from foreverus.results.store import ResultsKeeper


@cache
def results_keeper() -> "ResultsKeeper":
    from foreverus.batches.store import BatchStore
    from foreverus.conversations.store import ConversationStore
    from foreverus.results.batches import BatchSummaries
    from foreverus.results.sessions import SessionResults
    from foreverus.results.store import ResultsKeeper
    from foreverus.sessions.store import SessionStore

    env = settings.StoreResultsSettings.from_env(os.environ)
    table, postgres = items(env.table_name), database(env)
    return ResultsKeeper(
        SessionResults(ConversationStore(table), SessionStore(table), postgres, clock),
        BatchSummaries(BatchStore(table), postgres, clock),
    )


def migration_database() -> "Database":
    found = database(settings.MigrateDatabaseSettings.from_env(os.environ))
    if found is None:
        raise settings.MissingSetting("DATABASE_CLUSTER_ARN is empty: there is no database to migrate")
    return found


def site() -> "Site":
    from foreverus.deployment.site import Site

    env = settings.PublishSiteSettings.from_env(os.environ)
    return Site(client("s3"), env.site_bucket, Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "site")
