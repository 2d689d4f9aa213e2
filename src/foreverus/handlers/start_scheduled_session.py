"""What the scheduler calls: a session that nobody started by hand."""

from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.start_scheduled_session import build


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("start_scheduled_session", event)
    return asdict(build().start(**request))
