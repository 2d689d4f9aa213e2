"""Puts results into PostgreSQL: a session's, a batch's, or, called on a schedule, everything that is missing there."""

from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.batches.records import BatchRef
from foreverus.bootstrap.store_results import build


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | list[dict[str, Any]]:
    logs.start(event, context)
    request = schemas.check("store_results", event)
    keeper = build()
    if "session_id" in request:
        return asdict(keeper.sessions.store(request["session_id"]))
    if "batch_id" in request:
        return asdict(keeper.batches.store(BatchRef(request["user_id"], request["batch_id"])))
    return [asdict(one) for one in keeper.store_unsaved()]
