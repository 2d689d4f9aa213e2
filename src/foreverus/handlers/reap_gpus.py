"""The reaper: after an execution that FAILED, TIMED_OUT or was ABORTED, as a sweep every five minutes, as the last step
of a run of our own container, and when a task of it has stopped."""

from typing import Any

from foreverus import logs
from foreverus.aws.ecs import stopped_task
from foreverus.bootstrap.reap_gpus import build, runs, stopped_tasks


def handler(event: dict[str, Any], context: Any) -> dict[str, list[str]]:
    logs.start(event, context)
    if "ability_run" in event:
        runs().close(event["ability_run"])
        return {"reaped": []}
    if event.get("detail-type") == "ECS Task State Change":
        stopped_tasks().heard(stopped_task(event))
        return {"reaped": []}
    if event.get("detail-type") == "Step Functions Execution Status Change":
        name = event["detail"]["name"]
        if event["detail"].get("stateMachineArn", "").endswith("-ability-run"):
            runs().close(name)
            return {"reaped": []}
        logs.bind(session_id=name)
        return {"reaped": build().session_ended(name)}
    return {"reaped": build().sweep()}
