"""What a schedule's input says about its run, and when it runs.

AWS: puts `<aws.scheduler.scheduled-time>` and three other context attributes into a target's input, so that each run is
another one and a repeated delivery is the same. (EventBridge Scheduler User Guide, "Adding context attributes".)
Emulator: hands them over as they stand, so every run of a schedule looks like the first one. It looks every ten seconds
whether one is due.

Patch: puts them in, and looks every half second.
"""

import contextlib
from datetime import UTC, datetime
from typing import Any

from local.patches import Options

LOOK_S = 0.5


def apply(options: Options) -> None:
    from ministack.services import eventbridge, scheduler

    original = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *more: Any) -> Any:
        if event.get("Source") == "aws.scheduler" and target.get("Input"):
            text = target["Input"]
            for name, value in attributes(scheduler, event, rule).items():
                text = text.replace(f"<aws.scheduler.{name}>", value)
            target = {**target, "Input": text}
        return original(target, event, rule, *more)

    eventbridge._invoke_target = invoke_target
    scheduler._SCHEDULE_TICK_INTERVAL = LOOK_S


def attributes(scheduler: Any, event: dict[str, Any], schedule: dict[str, Any]) -> dict[str, str]:
    """A one-time schedule knows its own time; of the others it is the moment at which the emulator fires them."""
    at = None
    with contextlib.suppress(ValueError):
        at = scheduler._at_time_epoch(schedule.get("ScheduleExpression", ""))
    scheduled = datetime.fromtimestamp(event["Time"] if at is None else at, UTC)
    return {
        "schedule-arn": str(schedule.get("Arn", "")),
        "scheduled-time": scheduled.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": str(event["EventId"]),
        "attempt-number": "1",
    }
