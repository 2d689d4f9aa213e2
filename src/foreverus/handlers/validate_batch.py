"""`batch_run`'s first step: the whole file is checked, and its shards are written."""

from typing import Any

from foreverus import schemas
from foreverus.batches.store import BatchRef
from foreverus.bootstrap import batches


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = schemas.check("validate_batch", event)
    return batches.validator().run(BatchRef(request["user_id"], request["batch_id"]))
