"""`batch_run`'s last step: the output and the error file and the terminal status.

Called by EventBridge too, when an execution FAILED, TIMED_OUT or was ABORTED: whatever it left undone is done here, and
people are told, because nobody else does.
"""

import json
from typing import Any

from foreverus import schemas
from foreverus.batches.store import BatchRef
from foreverus.bootstrap import batches


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    execution_ended = event.get("detail-type") == "Step Functions Execution Status Change"
    request = schemas.check("finish_batch", of_execution(event["detail"]) if execution_ended else event)
    ref = BatchRef(request["user_id"], request["batch_id"])
    end = batches.batch_end()
    finished = end.finisher.finish(ref, request["status"], request.get("error"))
    if execution_ended:
        end.topic.send(**finished["notification"])
    return finished


def of_execution(detail: dict[str, Any]) -> dict[str, Any]:
    """The request that the end of an execution stands for: its input names the batch, and it has failed."""
    error = detail.get("error") or f"BatchRun{detail['status'].title().replace('_', '')}"
    cause = detail.get("cause") or f"The execution {detail['name']} of batch_run has ended as {detail['status']}."
    return {**json.loads(detail["input"]), "status": "failed", "error": {"Error": error, "Cause": cause}}
