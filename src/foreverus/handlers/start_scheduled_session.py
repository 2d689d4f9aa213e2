"""What the scheduler calls: a session that nobody started by hand."""

from typing import Any

from foreverus.api import schemas
from foreverus.bootstrap import sessions


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = schemas.check("start_scheduled_session", event)
    return sessions.scheduled().start(**request)
