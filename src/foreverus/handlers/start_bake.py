"""`bake_image`'s first step: a session whose GPU is prepared and offered, and serves nobody. After an execution of it
that FAILED, TIMED_OUT or was ABORTED: lets that GPU go, where the machine could not."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.start_bake import build


def handler(event: dict[str, Any], context: Any) -> dict[str, str] | dict[str, list[str]]:
    logs.start(event, context)
    if event.get("detail-type") == "Step Functions Execution Status Change":
        return {"released": build().release()}
    return build().start(**schemas.check("start_bake", event))
