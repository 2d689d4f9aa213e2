"""Where a GPU's worker fetches the images of a question that waits for it."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.bootstrap.show_images import build


def handler(event: Body, context: Any) -> object:
    logs.start(event, context)
    request = schemas.check("show_images", event)
    return {"addresses": build().of(request["conversation_id"], request["message_id"], request["file_ids"])}
