"""The name of an error that a Python function raises.

AWS: `errorType` is the exception's class name, and a state machine's Retry and Catch know the error by it. (Lambda
Developer Guide, "Python exceptions in Lambda".)
Emulator: calls every exception of a Python function Runtime.HandlerError. The traceback is in its log.
"""

import re
from typing import Any

from local.patches import Options

UNKNOWN = "Runtime.HandlerError"
TRACEBACK = "Traceback (most recent call last):\n"


def raised(log: str) -> str | None:
    """The class name at the end of the last traceback: its first line that is not indented."""
    _, found, frames = log.rpartition(TRACEBACK)
    name = re.search(r"^([A-Za-z_][\w.]*)(?::|$)", frames, re.MULTILINE) if found else None
    return name[1].rpartition(".")[2] if name else None


def apply(options: Options) -> None:
    from ministack.services import lambda_svc

    original = lambda_svc._execute_function_warm

    def execute(*arguments: Any) -> Any:
        result = original(*arguments)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == UNKNOWN:
            body["errorType"] = raised(result.get("log", "")) or UNKNOWN
        return result

    lambda_svc._execute_function_warm = execute
