"""`gpu_session`'s step after termination: end the record, release the GPU slot, write the receipt."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap import sessions
from foreverus.sessions.capacity import refusals_of


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("close_session", event)
    return sessions.closer().close(
        request["session_id"],
        request.get("outcome"),
        request.get("error"),
        request.get("terminated_at"),
        refusals_of(request.get("fleet_errors", []), request.get("zones", {})),
    )
