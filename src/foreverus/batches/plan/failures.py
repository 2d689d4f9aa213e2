"""What a round's error means for its batch: go on elsewhere, wait, or end. Pure.

Every way ends: an error either bars a backend for the rest of the batch, or counts towards a bound that only a settled
line resets, or leads to a pause, and pauses end with the window.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.sessions.advice import advice

Item = dict[str, Any]

MOST_FAILURES = 3  # in a row, without a settled line, of one backend
FIRST_PAUSE_S, LONGEST_PAUSE_S = 300, 1800  # while nobody sells a GPU; each failed try is a session and a mail
FIRST_RETRY_S, LONGEST_RETRY_S = 30, 300  # while sessions cannot be started just now, or Bedrock throttles
WITHOUT_CAPACITY = timedelta(minutes=30)  # how long Bedrock goes on alone before a GPU is thought of again
MOST_MESSAGE_CHARACTERS = 1000

REVIEW = "States.Timeout"  # the round's time to look again: no failure
NO_PROGRESS = "NoProgress"  # a round that ended well and has settled nothing
# Nothing was launched, and nothing will be until somebody mends it.
NEED_SOMEBODY = frozenset({"GpuQuotaExceeded", "LaunchNotAuthorized", "SpendCapReached"})
NOT_NOW = frozenset({"NotAccepted"})  # another session is starting or ending
BUSY = frozenset({"EngineBusy"})  # Bedrock throttles


@dataclass(frozen=True)
class Situation:
    """`allowed`: the backends that the batch's options and the deployment allow. `live`: another GPU is live."""

    allowed: frozenset[str]
    live: bool
    settled: int
    now: datetime


@dataclass(frozen=True)
class Meaning:
    """`changes`: what the record keeps of it. `finish`: the batch ends so. `pause_s`: nothing is tried before then."""

    changes: Item = field(default_factory=dict)
    finish: str = ""
    pause_s: int = 0


def meaning(record: Item, error: dict[str, str] | None, at: Situation) -> Meaning:
    """What the error that the newest round ended with (None: none) means for the batch."""
    planned, progress = record.get("planned", ""), at.settled > int(record.get("settled_before", 0))
    fresh: Item = {"gpu_failures": 0, "bedrock_failures": 0, "pauses": 0} if progress else {}
    known = {**record, **fresh}
    if error is None:
        if progress or planned not in ("gpu", "bedrock"):
            return Meaning(fresh)
        error = {"Error": NO_PROGRESS, "Cause": f"A round on {planned} has ended and answered nothing."}
    code = error.get("Error", "")
    if code == REVIEW and planned != "bedrock":
        return Meaning(fresh)
    if code == "SessionEndRequested":
        return Meaning({**fresh, "errors": with_error(record.get("errors"), error)}, finish="cancelled")
    if code in NOT_NOW or (code in BUSY and "gpu" not in usable(known, at.allowed)):
        return _pause(fresh, known, FIRST_RETRY_S, LONGEST_RETRY_S)
    if planned == "bedrock":
        return _after_bedrock(fresh, known, error, at)
    return _after_gpu(fresh, known, error, at)


def usable(record: Item, allowed: frozenset[str]) -> frozenset[str]:
    """The allowed backends that are not barred for the rest of the batch."""
    return frozenset(name for name in allowed if not record.get(f"{name}_barred"))


def capacity_is_missing(record: Item, now: datetime) -> bool:
    """Nobody has sold us a GPU a short while ago."""
    return ids.timestamp(now) < str(record.get("no_capacity_until", ""))


def _after_gpu(fresh: Item, known: Item, error: dict[str, str], at: Situation) -> Meaning:
    code = error.get("Error", "")
    if at.live and code in NEED_SOMEBODY | {"NoGpuCapacity"}:
        return Meaning({**fresh, "most_gpus": 1})  # it was about one more GPU; the live one goes on
    if code == "SpendCapReached":
        return Meaning({**fresh, "errors": with_error(known.get("errors"), error)}, finish="failed")
    if code == "NoGpuCapacity":
        without = {**fresh, "no_capacity_until": ids.timestamp(at.now + WITHOUT_CAPACITY)}
        if "bedrock" in usable(known, at.allowed):
            return Meaning(without)
        return _pause(fresh, known, FIRST_PAUSE_S, LONGEST_PAUSE_S)
    failures = int(known.get("gpu_failures", 0)) + 1
    changes = {**fresh, "gpu_failures": failures}
    if code in NEED_SOMEBODY or failures >= MOST_FAILURES:
        return _bar("gpu", changes, known, error, at)
    return Meaning(changes)


def _after_bedrock(fresh: Item, known: Item, error: dict[str, str], at: Situation) -> Meaning:
    failures = int(known.get("bedrock_failures", 0)) + 1
    changes = {**fresh, "bedrock_failures": failures}
    if error.get("Error") == "BackendUnavailable" or failures >= MOST_FAILURES:
        return _bar("bedrock", changes, known, error, at)
    return Meaning(changes)


def _bar(backend: str, changes: Item, known: Item, error: dict[str, str], at: Situation) -> Meaning:
    """The backend is not asked again for this batch; the batch fails when it was the last."""
    barred = {**changes, f"{backend}_barred": error.get("Error", "Unknown")}
    barred["errors"] = with_error(known.get("errors"), error)
    if usable({**known, **barred}, at.allowed):
        return Meaning({name: value for name, value in barred.items() if name != "errors"})
    return Meaning(barred, finish="failed")


def _pause(fresh: Item, known: Item, first_s: int, longest_s: int) -> Meaning:
    """Each pause without progress is twice as long as the one before."""
    pauses = int(known.get("pauses", 0))
    return Meaning({**fresh, "pauses": pauses + 1}, pause_s=int(min(first_s * 2 ** min(pauses, 20), longest_s)))


def error_entry(error: dict[str, str]) -> Item:
    """A state machine's error as one of a batch's `errors`, with what people can do about it.

    >>> error_entry({"Error": "BootFailed", "Cause": "no driver"})
    {'code': 'boot_failed', 'message': 'no driver', 'param': None, 'line': None}
    """
    name, cause = error.get("Error") or "Unknown", _said(error.get("Cause") or "")
    words = advice(name)
    message = cause if words and words in cause else " ".join(filter(None, [words, cause])) or name
    code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\.", "_", name).lower()
    return {"code": code, "message": message[:MOST_MESSAGE_CHARACTERS], "param": None, "line": None}


def with_error(errors: list[Item] | None, error: dict[str, str]) -> list[Item]:
    """The batch's errors and this one; once, however often it happened."""
    entry, before = error_entry(error), errors or []
    return before if any(one["code"] == entry["code"] for one in before) else [*before, entry]


def _said(cause: str) -> str:
    """What a Lambda's exception said, without its stack: Step Functions gives its JSON as the cause."""
    try:
        found = json.loads(cause)
    except ValueError:
        return cause
    return str(found.get("errorMessage", cause)) if isinstance(found, dict) else cause
