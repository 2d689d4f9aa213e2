"""`batch_run`'s step between two rounds: what comes next, given what is left and how the last round ended."""

from typing import Any

from foreverus import schemas
from foreverus.batches.store import BatchRef
from foreverus.bootstrap import batches


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = schemas.check("plan_batch", event)
    ref = BatchRef(request["user_id"], request["batch_id"])
    return batches.planner().plan(ref, request.get("error"))
