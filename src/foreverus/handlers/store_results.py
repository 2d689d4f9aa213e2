"""Puts a session's results into PostgreSQL; called on a schedule, everything that is still missing there."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap import results


def handler(event: dict[str, Any], context: Any) -> Any:
    logs.start(event, context)
    request = schemas.check("store_results", event)
    keeper = results.results_keeper()
    if "session_id" in request:
        return keeper.store(request["session_id"])
    return keeper.store_unsaved()
