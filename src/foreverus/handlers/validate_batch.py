"""`batch_run`'s first step: the whole file is checked, and its shards are written."""

from typing import Any

from foreverus import bootstrap_batches, schemas
from foreverus.batches.store import BatchRef


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = schemas.check("validate_batch", event)
    return bootstrap_batches.validator().run(BatchRef(request["user_id"], request["batch_id"]))
