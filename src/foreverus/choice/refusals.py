"""Bedrock has refused lately: for how long nobody is sent to it. One item of the table for the whole stack.

Whoever asks Bedrock and is throttled, or finds that it may not ask, notes it; whoever chooses a backend reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Values

# Bedrock's quotas are counted by the minute: after one it is worth a try.
THROTTLED_S = 60
UNAVAILABLE_S = 300  # no access, or no such model: somebody has to mend it


class BedrockRefusals(Protocol):
    """The twin is `MemoryRefusals`."""

    def note(self, seconds: int = THROTTLED_S) -> None:
        """Bedrock has refused just now: nobody is sent to it for so long."""

    def left_s(self) -> int:
        """For how many seconds still; 0: it may be asked."""


@dataclass(frozen=True)
class RefusalStore:
    items: Table
    clock: Callable[[], datetime]

    def note(self, seconds: int = THROTTLED_S) -> None:
        now = self.clock()
        until = now + timedelta(seconds=seconds)
        expires_at = int((until + timedelta(hours=1)).timestamp())
        self.items.put({**keys.bedrock_throttled_key(), "until": ids.timestamp(until), "expires_at": expires_at})

    def left_s(self) -> int:
        return seconds_left(self.items.get(keys.bedrock_throttled_key()), self.clock())


def seconds_left(item: Values | None, now: datetime) -> int:
    """For whoever has read the item with others."""
    if item is None:
        return 0
    return max(0, ceil((ids.parse_timestamp(str(item["until"])) - now).total_seconds()))


class NotNoted:
    """For a model with quotas of its own, which few ask: that it has refused is nobody else's."""

    def note(self, seconds: int = THROTTLED_S) -> None:
        pass

    def left_s(self) -> int:
        return 0


class MemoryRefusals:
    """Twin of `RefusalStore`."""

    def __init__(self, clock: Callable[[], datetime]):
        self.clock = clock
        self.until = clock()

    def note(self, seconds: int = THROTTLED_S) -> None:
        self.until = self.clock() + timedelta(seconds=seconds)

    def left_s(self) -> int:
        return max(0, ceil((self.until - self.clock()).total_seconds()))
