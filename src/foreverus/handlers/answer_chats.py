"""`gpu_session`'s step when no GPU could be had: what waits in chats is answered on Bedrock."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.answer_chats import build

LAST_WRITES_S = 15  # of the function's time, for what was answered last


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("answer_chats", event)
    seconds = context.get_remaining_time_in_millis() / 1000 - LAST_WRITES_S
    return build().run(request["session_id"], seconds)
