"""What a task was asked, in the history of an execution.

AWS: the event TaskScheduled has `parameters`, the arguments of the call as JSON: a required field of its answer.
Emulator: leaves it out, so nobody can see what an expression made.
"""

import contextvars
import json
from typing import Any

from local.patches import Options

# The newest arguments of this thread's execution: they are made just before the event.
_arguments: contextvars.ContextVar[Any] = contextvars.ContextVar("foreverus_arguments", default=None)


def apply(options: Options) -> None:
    from ministack.services import stepfunctions as states

    original_arguments, original_event = states._apply_jsonata_arguments, states._add_event

    def apply_arguments(state: dict[str, Any], raw_input: Any, ctx: Any = None) -> Any:
        made = original_arguments(state, raw_input, ctx)
        _arguments.set(made)
        return made

    def add_event(execution: Any, kind: str, details: dict[str, Any] | None = None) -> Any:
        if kind == "TaskScheduled" and details:
            details["taskScheduledEventDetails"]["parameters"] = json.dumps(_arguments.get(), default=str)
        return original_event(execution, kind, details)

    states._apply_jsonata_arguments = apply_arguments
    states._add_event = add_event
