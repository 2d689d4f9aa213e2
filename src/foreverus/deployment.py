"""CloudFormation custom resources: do the work, and answer whatever happens, or the deployment hangs for an hour."""

import json
import logging
import urllib.request
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

REASON_LIMIT = 1000


def respond(event: dict[str, Any], context: Any, work: Callable[[dict[str, Any]], dict[str, str]]) -> None:
    """Runs `work(ResourceProperties)` on Create and Update and sends its result (attributes) to CloudFormation.

    Delete does nothing and succeeds: what our resources made goes with the bucket or the database.
    Without a ResponseURL (`sam local invoke`) the failure is raised and the success only logged.
    """
    status, reason, data = "SUCCESS", "", {}
    try:
        if event["RequestType"] != "Delete":
            data = work(event.get("ResourceProperties", {}))
    except Exception as err:
        logger.exception("custom resource failed")
        if not event.get("ResponseURL"):
            raise
        status, reason = "FAILED", f"{type(err).__name__}: {err}"[:REASON_LIMIT]
    if not event.get("ResponseURL"):
        logger.info("done: %s", data)
        return
    answer = {
        "Status": status,
        "Reason": reason or "See the function's log.",
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"foreverus-{event['LogicalResourceId']}",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    # The URL is CloudFormation's own (noqa), signed without a content type.
    body, empty = json.dumps(answer).encode(), {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers=empty)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
