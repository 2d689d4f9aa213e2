"""What a deployment does with PostgreSQL: the tables, then who logs in."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from foreverus.aws.data_api import Database
from foreverus.results.logins import Login, let_in
from foreverus.results.migrations import migrate


@dataclass(frozen=True)
class DatabaseSetup:
    """`as_owner`: the database, logged in as its owner for as long as it is used. `logins`: of everybody else."""

    as_owner: Callable[[], AbstractContextManager[Database]]
    logins: Callable[[], Sequence[Login]]

    def run(self) -> list[str]:
        """The names of the migrations that were missing. Once more changes nothing but the logins' salts."""
        with self.as_owner() as database:
            applied = migrate(database)
            for login in self.logins():
                let_in(database, login)
        return applied
