"""Where a GPU's worker fetches the images of a question that waits for it, or of a batch's line that it answers."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.batches.records import BatchRef
from foreverus.batches.shards.resources import LineRef
from foreverus.bootstrap.show_images import build, of_lines


def handler(event: Body, context: Any) -> object:
    logs.start(event, context)
    if "batch_id" in event:
        return _of_line(schemas.check("show_line_images", event))
    request = schemas.check("show_images", event)
    return {"addresses": build().of(request["conversation_id"], request["message_id"], request["file_ids"])}


def _of_line(request: Any) -> object:
    """Its addresses are null where no GPU is to answer it (any more)."""
    batch = BatchRef(request["user_id"], request["batch_id"])
    return {"addresses": of_lines().of(LineRef(batch, request["round"], request["shard"], request["line"]))}
