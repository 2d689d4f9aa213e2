"""The settings of who keeps results in PostgreSQL, and of its logins."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import LentDatabaseSettings


@dataclass(frozen=True)
class MakePasswordsSettings(Settings):
    database_passwords: str


@dataclass(frozen=True)
class MigrateDatabaseSettings(LentDatabaseSettings):
    """`database_secret_arn`: of the role that keeps results."""

    database_secret_arn: str


@dataclass(frozen=True)
class StoreResultsSettings(Settings):
    """The database's are empty when the stack was deployed without PostgreSQL."""

    table_name: str
    data_bucket: str
    database_cluster_arn: str
    database_secret_arn: str
    database_name: str
