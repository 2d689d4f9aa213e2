"""Called for a conversation with a message that waits for Bedrock: answers what waits there, as it is written."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.answer_conversation import run

LAST_WRITES_S = 30  # of the function's time, for what was answered last and those who watch it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("answer_conversation", event)
    seconds = context.get_remaining_time_in_millis() / 1000 - LAST_WRITES_S
    return run(request["conversation_id"], request["user_id"], seconds, context.function_name)
