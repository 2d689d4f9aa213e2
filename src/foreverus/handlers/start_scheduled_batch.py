"""What the scheduler calls: a batch of the file, or of each new file under the prefix, that the schedule names."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.start_scheduled_batch import build


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("start_scheduled_batch", event)
    run = build().start(**request)
    return {"batches": list(run.batches), "skipped": run.skipped}
