"""`batch_run`'s round on Bedrock: what is left is answered until it is done or the function's time is nearly over."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.batches.records import BatchRef
from foreverus.bootstrap.answer_batch import build

LAST_WRITES_S = 60  # of the function's time, for what is in flight and for its answer


def handler(event: dict[str, Any], context: Any) -> dict[str, object]:
    logs.start(event, context)
    request = schemas.check("answer_batch", event)
    ref = BatchRef(request["user_id"], request["batch_id"])
    seconds = context.get_remaining_time_in_millis() / 1000 - LAST_WRITES_S
    return build().run(ref, request["round"], seconds).as_json()
