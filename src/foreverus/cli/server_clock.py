"""The server's time, as the Date header of each answer tells it: this machine's clock may be hours wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

HEADER_STEP_S = 1.0  # the header has whole seconds


def header_time(text: str) -> datetime | None:
    """A time as HTTP's headers have it; None where it is none.

    >>> header_time("Sun, 29 Nov 2026 14:43:09 GMT")
    datetime.datetime(2026, 11, 29, 14, 43, 9, tzinfo=datetime.timezone.utc)
    """
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


class ServerClock:
    """`ticks`: seconds, which no change of this machine's clock moves; they say how time goes on between answers."""

    def __init__(self, ticks: Callable[[], float], own_now: datetime):
        self._ticks = ticks
        self._offset = own_now.timestamp() - ticks()

    def now(self) -> datetime:
        """This machine's time until the server has answered."""
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self._ticks() + self._offset)

    def heard(self, date: str, took_s: float) -> None:
        """An answer came, `took_s` after it was asked for: the server wrote `date` somewhere in between. What agrees
        with it already stays, so that seconds never jump."""
        if (least := header_time(date)) is None:
            return
        earliest = least.timestamp()
        latest = earliest + HEADER_STEP_S + took_s
        self._offset = min(latest, max(earliest, self._ticks() + self._offset)) - self._ticks()
