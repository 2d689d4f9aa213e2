"""CloudFormation custom resources: do the work, and answer whatever happens, or the deployment hangs for an hour."""

import json
import logging
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

logger = logging.getLogger(__name__)

REASON_LIMIT = 600  # bytes: CloudFormation takes 4,096 of JSON, in which a character may become six


Work = Callable[[Mapping[str, Any]], dict[str, str]]


def respond(event: dict[str, Any], context: Any, work: Work, undo: Work = lambda properties: {}) -> None:
    """Runs `work(ResourceProperties)` on Create and Update, `undo` on Delete, and sends the result (attributes) to
    CloudFormation. What the work needs is built in it: settings that are wrong are an answer too.

    Without a ResponseURL (`sam local invoke`) the failure is raised and the success only logged.
    """
    status, reason, data = "SUCCESS", "", {}
    try:
        act = undo if event["RequestType"] == "Delete" else work
        data = act(event.get("ResourceProperties", {}))
    except Exception as err:
        logger.exception("custom resource failed")
        if not event.get("ResponseURL"):
            raise
        status, reason = "FAILED", _bounded(f"{type(err).__name__}: {err}")
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
    body, empty = json.dumps(answer, ensure_ascii=False).encode(), {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers=empty)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def _bounded(text: str) -> str:
    return text.encode(errors="replace")[:REASON_LIMIT].decode(errors="ignore")
