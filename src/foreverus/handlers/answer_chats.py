"""`gpu_session`'s step when no GPU could be had: what waits in chats goes to Bedrock."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.answer_chats import build


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("answer_chats", event)
    return build().run(request["session_id"])
