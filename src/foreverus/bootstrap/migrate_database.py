"""The database that a deployment brings to its shape."""

import os
from functools import partial
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.base import MissingSetting
from foreverus.settings.database import MigrateDatabaseSettings

if TYPE_CHECKING:
    from foreverus.results.logins import Login
    from foreverus.results.setup import DatabaseSetup


def build() -> "DatabaseSetup":
    from foreverus.results.migrations import MASTER
    from foreverus.results.setup import DatabaseSetup

    env = MigrateDatabaseSettings.from_env(os.environ)
    if not env.database_cluster_arn:
        raise MissingSetting("DATABASE_CLUSTER_ARN is empty: there is no database to migrate")
    return DatabaseSetup(partial(aws.lent_database, env, MASTER, "master"), partial(_logins, env))


def _logins(env: MigrateDatabaseSettings) -> "list[Login]":
    from foreverus.results.logins import Login, login_of_secret
    from foreverus.results.migrations import DOCUMENTS_ROLE, ERASER_ROLE, SEARCHER_ROLE

    kept = aws.client("secretsmanager").get_secret_value(SecretId=env.database_secret_arn)["SecretString"]
    parameters = aws.secure_parameters()
    seldom = {"eraser": ERASER_ROLE, "searcher": SEARCHER_ROLE, "documents": DOCUMENTS_ROLE}
    lent = [Login(role, parameters.get(f"{env.database_passwords}/{name}")) for name, role in seldom.items()]
    return [login_of_secret(kept), *lent]
