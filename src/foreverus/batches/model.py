"""A batch as it is asked for: its window, its options, and its record as it is first written. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.backends.port import BackendName
from foreverus.batches.records import (
    Batch,
    BatchTrigger,
)
from foreverus.errors import InvalidRequest
from foreverus.files.records import seconds_of
from foreverus.text import quoted

SHORTEST_WINDOW_S = 10 * 60
LONGEST_WINDOW_S = 168 * 3600
BACKENDS = (BackendName.AUTO, BackendName.GPU, BackendName.BEDROCK)


@dataclass(frozen=True, slots=True)
class Options:
    """What a batch's metadata asks for."""

    backend: BackendName = BackendName.AUTO
    allow_on_demand: bool = False


def options_of(metadata: Mapping[str, str] | None) -> Options:
    """Our options among the client's own keys. Raises InvalidRequest that names the key."""
    given = metadata or {}
    backend, on_demand = given.get("backend", "auto"), given.get("allow_on_demand", "false")
    if backend not in BACKENDS:
        raise _invalid("metadata.backend", f"must be one of {', '.join(BACKENDS)}, not {quoted(backend)}")
    if on_demand not in ("true", "false"):
        raise _invalid("metadata.allow_on_demand", f"must be 'true' or 'false', not {quoted(on_demand)}")
    return Options(BackendName(backend), on_demand == "true")


def possible_backends(metadata: Mapping[str, str] | None) -> frozenset[BackendName]:
    """Who may answer by the batch's options, wherever it runs."""
    asked = options_of(metadata).backend
    both = frozenset({BackendName.GPU, BackendName.BEDROCK})
    return both if asked is BackendName.AUTO else frozenset({asked})


def window_of(text: str) -> timedelta:
    """`24h`, `90m`: how long a batch may take. Raises InvalidRequest."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mh])", text, re.ASCII)
    seconds = int(found[1]) * (3600 if found[2] == "h" else 60) if found else 0
    if not SHORTEST_WINDOW_S <= seconds <= LONGEST_WINDOW_S:
        raise _invalid(
            "completion_window", f"must be '24h', or minutes or hours from '10m' to '168h', not {quoted(text)}"
        )
    return timedelta(seconds=seconds)


def _invalid(param: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"The field {param!r} {reason}.", param=param, code="invalid_field")


def new_batch(
    batch_id: str, user_id: str, request: Mapping[str, Any], now: datetime, trigger: BatchTrigger = BatchTrigger.API
) -> Batch:
    """The record as it is first written. `request`: `{input_file_id, endpoint, completion_window, metadata?,
    output_expires_after?}`, checked.

    Raises InvalidRequest for a window or an option that is none.
    """
    window, metadata = window_of(request["completion_window"]), request.get("metadata") or {}
    options_of(metadata)
    return Batch(
        batch_id=batch_id,
        user_id=user_id,
        trigger=trigger,
        created_at=ids.timestamp(now),
        expires_at=ids.timestamp(now + window),
        endpoint=request["endpoint"],
        completion_window=request["completion_window"],
        input_file_id=request["input_file_id"],
        input_key=f"batches/{batch_id}/input.jsonl",
        metadata=dict(metadata),
        output_expires_s=seconds_of(request.get("output_expires_after")),
    )
