"""Writes rows so that none of them costs another one its place.

A batch that fails for what is in it is cut in two until the refused row stands alone; that row is set aside with its
error and everything else is written. A database that sleeps, is gone or has the wrong shape is no reason to set
anything aside: then the error is raised, and whoever asked tries again later.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from foreverus.aws.data_api import Database, RowsRefused
from foreverus.results import rows
from foreverus.results.gate import clean_row

Made = TypeVar("Made")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that PostgreSQL does not have. `key`: its primary key there; `error`: without the row's text."""

    table: str
    key: str
    error: str


@dataclass(frozen=True)
class RowWriter:
    """`refused`: what was set aside so far."""

    database: Database
    refused: list[RefusedRow] = field(default_factory=list)

    def write(self, table: str, key: str, new: Iterable[rows.Row], of: str = "") -> None:
        """Upserts them. `of`: the person whose rows they are. Raises ClientError when the database, and not a row, is
        the reason that it cannot."""
        for chunk in rows.chunks(clean_row(row) for row in new):
            self._write(table, key, chunk, of)

    def read(self, table: str, key: str, make: Callable[[], Iterable[Made]]) -> list[Made]:
        """What `make` makes of one record; none, set aside, where the record is none that can be read."""
        try:
            return list(make())
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as err:
            self._set_aside(table, key, f"the record cannot be read: {type(err).__name__}")
            return []

    def _write(self, table: str, key: str, chunk: list[rows.Row], of: str) -> None:
        upsert = rows.upsert(table, chunk[0], key)
        try:
            with self.database.transaction(of):  # one for each chunk: PostgreSQL takes nothing more in a failed one
                self.database.execute_many(upsert, chunk)
        except RowsRefused as err:
            if len(chunk) == 1:
                self._set_aside(table, str(chunk[0][key]), err.reason)
                return
            middle = len(chunk) // 2
            self._write(table, key, chunk[:middle], of)
            self._write(table, key, chunk[middle:], of)

    def _set_aside(self, table: str, key: str, error: str) -> None:
        logger.error("set aside: %s of %s is not in PostgreSQL: %s", key, table, error)
        self.refused.append(RefusedRow(table, key, error))
