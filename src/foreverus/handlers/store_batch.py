"""Puts a batch's summary into PostgreSQL; called on a schedule, every summary that is still missing there."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.batches.records import BatchRef
from foreverus.bootstrap import batches


def handler(event: dict[str, Any], context: Any) -> Any:
    logs.start(event, context)
    request = schemas.check("store_batch", event)
    keeper = batches.summary_keeper()
    if "batch_id" in request:
        return keeper.store(BatchRef(request["user_id"], request["batch_id"]))
    return keeper.store_unsaved()
