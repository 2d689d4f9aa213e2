"""Calls that are refused because what they need was taken away: rights, a queue, a state machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

CODES = frozenset(
    [
        *("AccessDenied", "AccessDeniedException"),
        *("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
        *("StateMachineDoesNotExist", "StateMachineDeleting"),
    ]
)


@contextmanager
def as_error(error: Exception) -> Iterator[None]:
    """Raises `error` in place of boto3's where it says that something was taken away; any other stays as it is."""
    try:
        yield
    except ClientError as err:
        if err.response.get("Error", {}).get("Code") in CODES:
            raise error from err
        raise
