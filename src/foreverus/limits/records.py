"""What one person has or does just now, and how it changes. Pure.

A count is read, a rule makes of it what it is afterwards (or refuses), and the change is written on condition that the
count still is what was read, in the transaction that keeps what is counted. So two requests at once never both get the
last place, and no crash comes between counting and keeping.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    MESSAGES = "MESSAGES"
    BATCHES = "BATCHES"
    SOCKETS = "SOCKETS"
    BYTES = "BYTES"
    GPU_STARTS = "GPU_STARTS"
    IMPORTS = "IMPORTS"  # bytes of conversations that were taken in from elsewhere
    REQUESTS = "REQUESTS"  # of OpenAI's API; of each person and of each key


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """`version`: 0: nothing was ever counted. `times`: of messages, in Unix milliseconds, oldest first. `held`: open
    things by their ids, and the Unix second in which each is over at the latest. `used`: bytes, or tokens of `day`
    (`2026-11-29`). `key_id`: of a count of one API key.

    `is_complete`: all that was there before anybody counted is in it.
    """

    user_id: str
    kind: Kind
    version: int = 0
    times: tuple[int, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    used: int = 0
    is_complete: bool = False
    key_id: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class CountChange:
    before: Count
    after: Count


class CountChanged(Exception):
    """Somebody else has changed the count since it was read: read it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCaps:
    """One person's limits; 0: whoever asks does not count that kind."""

    messages_per_minute: int = 0
    open_batches: int = 0
    open_sockets: int = 0
    stored_bytes: int = 0
    tokens_per_day: int = 0
    gpu_starts_per_hour: int = 0
    imported_bytes: int = 0
