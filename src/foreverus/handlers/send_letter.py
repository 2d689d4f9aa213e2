"""What the scheduler calls: the weekly letter."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.send_letter import build


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("send_letter", event)
    sent = build().send(request["scheduled_at"])
    return {"subject": sent.subject if sent else None}
