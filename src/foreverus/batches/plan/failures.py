"""What a round's error means for its batch: go on elsewhere, wait, or end. Pure.

Every way ends: an error either bars a backend for the rest of the batch, or counts towards a bound that only a finished
line resets, or leads to a pause, and pauses end with the window.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.plan.records import Setbacks
from foreverus.batches.records import Batch, BatchStatus, ErrorEntry
from foreverus.choice.records import NextStep
from foreverus.sessions.advice import advice

MOST_FAILURES = 3  # in a row, without a finished line, of one backend
FIRST_PAUSE_S, LONGEST_PAUSE_S = 300, 1800  # while nobody sells a GPU; each failed try is a session and a mail
FIRST_RETRY_S, LONGEST_RETRY_S = 30, 300  # while sessions cannot be started just now, or Bedrock throttles
WITHOUT_CAPACITY = timedelta(minutes=30)  # how long Bedrock goes on alone before a GPU is thought of again
MOST_MESSAGE_CHARACTERS = 1000
UNKNOWN = "Unknown"  # an error without a name

REVIEW = "States.Timeout"  # the round's time to look again: no failure
NO_PROGRESS = "NoProgress"  # a round that ended well and has finished nothing
# Nothing was launched just now: another time, or another backend, may do.
SWITCHED_OFF = "GpuSwitchedOff"  # by somebody else
NO_GPU_NOW = frozenset({"NoGpuCapacity", "AccountNotVerified", "LaunchRefused", SWITCHED_OFF})
WAITED_FOR = NO_GPU_NOW - {"LaunchRefused"}  # it passes by itself; of a reason that nobody knows, that is not sure
# Nothing was launched, and nothing will be until somebody repairs it.
NEED_SOMEBODY = frozenset({"GpuQuotaExceeded", "LaunchNotAuthorized", "SpendCapReached"})
NOT_NOW = frozenset({"NotAccepted"})  # another session is starting or ending
BUSY = frozenset({"EngineBusy"})  # Bedrock throttles


@dataclass(frozen=True)
class RoundContext:
    """`allowed`: the backends that the batch's options and the deployment allow. `live`: another GPU is live.
    `finished`: lines, of all shards."""

    allowed: frozenset[str]
    live: bool
    finished: int
    now: datetime


@dataclass(frozen=True)
class Meaning:
    """`setbacks`: what the record keeps of it. `finish`: the batch ends so, with these `errors`. `pause_s`: nothing is
    tried before then. `any_gpu_waits`: it is no question of spot or on-demand, so no other kind is tried either."""

    setbacks: Setbacks
    finish: BatchStatus | None = None
    errors: tuple[ErrorEntry, ...] = ()
    pause_s: int = 0
    any_gpu_waits: bool = False


def meaning(batch: Batch, error: ExecutionError | None, at: RoundContext) -> Meaning:
    """What the error that the newest round ended with (None: none) means for the batch."""
    planned, progress = batch.newest_round.planned, at.finished > batch.newest_round.finished_before
    known = batch.setbacks
    if progress:
        # Whoever switches the GPU off again and again lets each one answer a little: what is bought anew pauses longer.
        pauses = known.pauses if error and error.name == SWITCHED_OFF else 0
        known = replace(known, gpu_failures=0, bedrock_failures=0, pauses=pauses)
    if error is None:
        if progress or planned not in (NextStep.GPU, NextStep.BEDROCK):
            return Meaning(known)
        error = ExecutionError(NO_PROGRESS, f"A round on {planned} has ended and answered nothing.")
    if error.name == REVIEW and planned is not NextStep.BEDROCK:
        return Meaning(known)
    if error.name == "SessionEndRequested":
        return Meaning(known, BatchStatus.CANCELLED, with_error(batch.errors, error))
    if error.name in NOT_NOW or (error.name in BUSY and "gpu" not in usable(known, at.allowed)):
        return _pause(known, FIRST_RETRY_S, LONGEST_RETRY_S)
    after = _after_bedrock if planned is NextStep.BEDROCK else _after_gpu
    found = after(known, error, at)
    return replace(found, errors=with_error(batch.errors, error)) if found.finish else found


def usable(setbacks: Setbacks, allowed: frozenset[str]) -> frozenset[str]:
    """The allowed backends that are not barred for the rest of the batch.

    >>> sorted(usable(Setbacks(gpu_barred="GpuQuotaExceeded"), frozenset({"gpu", "bedrock"})))
    ['bedrock']
    """
    barred = {"gpu": setbacks.gpu_barred, "bedrock": setbacks.bedrock_barred}
    return frozenset(name for name in allowed if not barred[name])


def capacity_is_missing(setbacks: Setbacks, now: datetime) -> bool:
    """Nobody has sold us a GPU a short while ago."""
    return ids.timestamp(now) < setbacks.no_capacity_until


def _after_gpu(known: Setbacks, error: ExecutionError, at: RoundContext) -> Meaning:
    if at.live and error.name in NEED_SOMEBODY | NO_GPU_NOW:
        return Meaning(replace(known, most_gpus=1))  # it was about one more GPU; the live one goes on
    if error.name == "SpendCapReached":
        return Meaning(known, BatchStatus.FAILED)
    counted = replace(known, gpu_failures=known.gpu_failures + (error.name not in WAITED_FOR))
    if error.name in NEED_SOMEBODY or counted.gpu_failures >= MOST_FAILURES:
        return _unless_last(replace(counted, gpu_barred=error.name or UNKNOWN), at)
    if error.name not in NO_GPU_NOW:
        return Meaning(counted)
    if "bedrock" in usable(counted, at.allowed):
        return Meaning(replace(counted, no_capacity_until=ids.timestamp(at.now + WITHOUT_CAPACITY)))
    return replace(_pause(counted, FIRST_PAUSE_S, LONGEST_PAUSE_S), any_gpu_waits=error.name == SWITCHED_OFF)


def _after_bedrock(known: Setbacks, error: ExecutionError, at: RoundContext) -> Meaning:
    counted = replace(known, bedrock_failures=known.bedrock_failures + 1)
    if error.name == "BackendUnavailable" or counted.bedrock_failures >= MOST_FAILURES:
        return _unless_last(replace(counted, bedrock_barred=error.name or UNKNOWN), at)
    return Meaning(counted)


def _unless_last(barred: Setbacks, at: RoundContext) -> Meaning:
    """A backend is not asked again for this batch; the batch fails when it was the last."""
    return Meaning(barred, None if usable(barred, at.allowed) else BatchStatus.FAILED)


def _pause(known: Setbacks, first_s: int, longest_s: int) -> Meaning:
    """Each pause without progress is twice as long as the one before."""
    pause_s = int(min(first_s * 2 ** min(known.pauses, 20), longest_s))
    return Meaning(replace(known, pauses=known.pauses + 1), pause_s=pause_s)


def error_entry(error: ExecutionError) -> ErrorEntry:
    """A state machine's error as one of a batch's `errors`, with what people can do about it.

    >>> error_entry(ExecutionError("BootFailed", "no driver"))
    ErrorEntry(code='boot_failed', message='no driver', param=None, line=None)
    """
    name, cause = error.name or UNKNOWN, _said(error.cause)
    words = advice(name)
    message = cause if words and words in cause else " ".join(filter(None, [words, cause])) or name
    code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\.", "_", name).lower()
    return ErrorEntry(code, message[:MOST_MESSAGE_CHARACTERS])


def with_error(errors: tuple[ErrorEntry, ...], error: ExecutionError) -> tuple[ErrorEntry, ...]:
    """The batch's errors and this one; once, however often it happened."""
    entry = error_entry(error)
    return errors if any(one.code == entry.code for one in errors) else (*errors, entry)


def _said(cause: str) -> str:
    """What a Lambda's exception said, without its stack: Step Functions gives its JSON as the cause."""
    try:
        found = json.loads(cause)
    except ValueError:
        return cause
    return str(found.get("errorMessage", cause)) if isinstance(found, dict) else cause
