"""The database that a deployment brings to its shape."""

import os
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.aws.data_api import Database


def build() -> "Database":
    found = aws.database(settings.MigrateDatabaseSettings.from_env(os.environ))
    if found is None:
        raise settings.MissingSetting("DATABASE_CLUSTER_ARN is empty: there is no database to migrate")
    return found
