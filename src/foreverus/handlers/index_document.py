"""Has one person's document read, embeds it and keeps it: called when its bytes have arrived."""

from collections.abc import Mapping
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.index_document import build


def handler(event: Mapping[str, Any], context: Any) -> str | None:
    logs.start(event, context)
    request = schemas.check("index_document", event)
    return build().run(request["user_id"], request["document_id"])
