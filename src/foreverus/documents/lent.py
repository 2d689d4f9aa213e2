"""A login to PostgreSQL that is lent, kept for as long as it is good: nobody says when its process ends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from foreverus.aws.data_api import Database

LOAN_LASTS = timedelta(minutes=4)  # of twenty: a document takes a quarter of an hour


@dataclass
class LentLogin:
    """`login`: the database with a secret that was made now."""

    login: Callable[[], Database]
    clock: Callable[[], datetime]
    _since: datetime | None = field(default=None, init=False)
    _database: Database | None = field(default=None, init=False)

    def database(self) -> Database:
        now = self.clock()
        if self._database is None or self._since is None or now - self._since > LOAN_LASTS:
            self._database, self._since = self.login(), now
        return self._database

    def forget(self) -> None:
        """Perhaps the login is the reason of a failure: the next one is new."""
        self._database = None
