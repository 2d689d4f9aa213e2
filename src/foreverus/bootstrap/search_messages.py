"""Who searches what was said."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.chats import SearchMessagesSettings

if TYPE_CHECKING:
    from foreverus.aws.data_api import Database
    from foreverus.results.search import MessageSearch


@cache
def build() -> "MessageSearch":
    from foreverus.results.search import MessageSearch

    return aws.lasting(MessageSearch(login, aws.clock))


def login() -> "Database":
    """As the role that searches, with a secret that the sweep deletes: nobody says when this process ends. Somebody
    waits for the answer: while the database resumes nothing is tried again."""
    from foreverus.aws.data_api import Database
    from foreverus.results.migrations import SEARCHER_ROLE

    env = SearchMessagesSettings.from_env(os.environ)
    password = aws.secure_parameters().get(f"{env.database_passwords}/searcher")
    secret_arn = aws.lent_secrets(env.table_name).leave(env.lent_secrets, SEARCHER_ROLE, password)
    return Database(aws.client("rds-data"), env.database_cluster_arn, secret_arn, env.database_name, tries=0)
