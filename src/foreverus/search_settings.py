"""The settings of who searches what was said: as `settings.py`, for one function more."""

from dataclasses import dataclass

from foreverus.settings import LentDatabaseSettings


@dataclass(frozen=True)
class SearchMessagesSettings(LentDatabaseSettings):
    """Of a stack with PostgreSQL: no other one has the function."""
