"""The reaper: after an execution that FAILED, TIMED_OUT or was ABORTED, and as a sweep every five minutes."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.reap_gpus import build


def handler(event: dict[str, Any], context: Any) -> dict[str, list[str]]:
    logs.start(event, context)
    reaper = build()
    if event.get("detail-type") == "Step Functions Execution Status Change":
        logs.bind(session_id=event["detail"]["name"])
        return {"reaped": reaper.session_ended(event["detail"]["name"])}
    return {"reaped": reaper.sweep()}
