"""A function that fails before its task's token is answered.

AWS: a `lambda:invoke.waitForTaskToken` task whose function fails, fails with the function's error, as `lambda:invoke`
does. (Step Functions Developer Guide, "Wait for a Callback with Task Token": the task fails if its call fails.)
Emulator: forgets the function's error and waits for the token until the task's timeout.
"""

import contextvars
from typing import Any

from local.patches import Options

# The token that this thread's call must lead to, while the call is being made.
_token: contextvars.ContextVar[str | None] = contextvars.ContextVar("foreverus_token", default=None)


def apply(options: Options) -> None:
    from ministack.services import stepfunctions as states

    original_callback = states._invoke_with_callback
    original_call = states._call_lambda

    def invoke_with_callback(resource: str, input_data: Any, token: str, state: dict[str, Any]) -> Any:
        mark = _token.set(token)
        try:
            return original_callback(resource, input_data, token, state)
        finally:
            _token.reset(mark)

    def call_lambda(function: Any, event: Any) -> Any:
        try:
            return original_call(function, event)
        except states._ExecutionError as error:
            info = states._task_tokens.get(_token.get() or "")
            if info is not None and not info["event"].is_set():  # a token that is answered already has its result
                info["error"] = {"Error": error.error, "Cause": error.cause}
                info["event"].set()
            raise

    states._invoke_with_callback = invoke_with_callback
    states._call_lambda = call_lambda
