"""Whether there is a place left, and what it makes of the count. Pure; each raises LimitReached where there is none."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from foreverus.errors import LimitReached
from foreverus.limits.records import Count, CountChange

WINDOW_MS = 60_000
HOUR_MS = 3_600_000
ENDING_TAKES = timedelta(minutes=20)  # a batch whose window is over: its files are put together, at most twice


def with_message(count: Count, most: int, now: datetime) -> CountChange:
    """No more than `most` in any 60 seconds, wherever they begin."""
    now_ms, recent = _recent(count, WINDOW_MS, now)
    if len(recent) >= most:
        wait = _seconds_until_free(recent, most, WINDOW_MS, now_ms)
        message = (
            f"You sent {len(recent)} messages within a minute; one person may send {most}. "
            f"The next one is accepted in {in_words(wait)}."
        )
        raise LimitReached(message, "too_many_messages", wait)
    return _changed(count, times=(*recent, now_ms))


def with_gpu_start(count: Count, most: int, now: datetime) -> CountChange:
    """No more than `most` in any hour, wherever it begins. Joining a GPU that is on is none."""
    now_ms, recent = _recent(count, HOUR_MS, now)
    if len(recent) >= most:
        wait = _seconds_until_free(recent, most, HOUR_MS, now_ms)
        message = (
            f"You started {len(recent)} GPUs within an hour; one person may start {most}, because each costs its boot. "
            f"The next one can be started in {in_words(wait)}; a GPU that somebody else starts serves you too."
        )
        raise LimitReached(message, "too_many_gpu_starts", wait)
    return _changed(count, times=(*recent, now_ms))


def _recent(count: Count, window_ms: int, now: datetime) -> tuple[int, tuple[int, ...]]:
    """Now in milliseconds, and what was counted within the window that ends now, oldest first."""
    now_ms = int(now.timestamp() * 1000)
    return now_ms, tuple(sorted(at for at in count.times if at > now_ms - window_ms))


def _seconds_until_free(recent: tuple[int, ...], most: int, window_ms: int, now_ms: int) -> int:
    """Until so many have left the window that there is a place again, rounded up."""
    return -(-(recent[-most] + window_ms - now_ms) // 1000)


def with_batch(count: Count, batch_id: str, until: datetime, most: int, now: datetime) -> CountChange:
    """`until`: when the batch's window is over."""
    if is_full(count, batch_id, most):
        wait = int((datetime.fromtimestamp(min(count.held.values()), UTC) + ENDING_TAKES - now).total_seconds())
        message = (
            f"You have {len(count.held)} open batches; one person may have {most}. There is a place again when one of "
            f"them is over, in {in_words(wait)} at the latest. Or cancel one."
        )
        raise LimitReached(message, "too_many_open_batches", max(wait, 1))
    return _changed(count, held={**count.held, batch_id: int(until.timestamp())})


def with_socket(count: Count, connection_id: str, until: datetime, most: int, now: datetime) -> CountChange:
    """`until`: when API Gateway has ended the connection at the latest."""
    if is_full(count, connection_id, most):
        wait = max(min(count.held.values()) - int(now.timestamp()), 1)
        message = (
            f"You have {len(count.held)} open connections; one person may have {most}. Close one of them (a tab of the "
            f"page); the oldest ends by itself in {in_words(wait)}."
        )
        raise LimitReached(message, "too_many_connections", wait)
    return _changed(count, held={**count.held, connection_id: int(until.timestamp())})


def is_full(count: Count, name: str, most: int) -> bool:
    """Whether there is no place for `name`; what has one already keeps it."""
    return name not in count.held and len(count.held) >= most


def without(count: Count, names: Collection[str]) -> CountChange:
    """What is over gives its place back."""
    return _changed(count, held={name: until for name, until in count.held.items() if name not in names})


def with_bytes(count: Count, more: int, most: int) -> CountChange:
    """`most` is of all files and unfinished uploads of the person together."""
    if count.used + more > most:
        message = (
            f"Your files and uploads take {count.used:,} bytes and this one {more:,}; one person's may take {most:,} "
            "together. Waiting does not help: delete files that you do not need any more (DELETE /files/{file_id})."
        )
        raise LimitReached(message, "storage_full")
    return _changed(count, used=count.used + more)


def with_imported(count: Count, more: int, most: int) -> CountChange:
    """`most` is of all conversations together that the person has imported and still has."""
    if count.used + more > most:
        message = (
            f"What you have imported takes {count.used:,} bytes and this part {more:,} more; one person's imports may "
            f"take {most:,} together. Nothing of this part was kept, and what was imported before stays. Delete "
            "conversations that you imported (DELETE /conversations/{conversation_id}), or leave some out."
        )
        raise LimitReached(message, "imports_full")
    return _changed(count, used=count.used + more)


def recounted(count: Count, used: int) -> CountChange:
    """`used`: what there is in truth."""
    return _changed(count, used=used, is_complete=True)


def check_tokens(used: int, most: int, now: datetime) -> None:
    """What a day's answers have taken; the next day begins at 00:00 UTC."""
    if used < most:
        return
    wait = until_midnight(now)
    message = (
        f"Answering you has taken {used:,} tokens today, chats and batches together; one person has {most:,} a day. "
        f"The next day begins at 00:00 UTC, in {in_words(wait)}."
    )
    raise LimitReached(message, "daily_tokens_used", wait)


def until_midnight(now: datetime) -> int:
    """Seconds until 00:00 UTC, at least so many."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    return max(int((midnight - now).total_seconds()) + 1, 1)


def in_words(seconds: int) -> str:
    """At least so long, for people.

    >>> in_words(1), in_words(59), in_words(61), in_words(7200), in_words(7260)
    ('1 second', '59 seconds', '2 minutes', '2 hours', '2 hours and 1 minute')
    """
    if seconds < 60:
        return _so_many(max(seconds, 1), "second")
    hours, minutes = divmod(-(-seconds // 60), 60)
    parts = [_so_many(count, unit) for count, unit in ((hours, "hour"), (minutes, "minute")) if count]
    return " and ".join(parts)


def _so_many(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _changed(count: Count, **changes: object) -> CountChange:
    return CountChange(count, replace(count, version=count.version + 1, **changes))  # type: ignore[arg-type]
