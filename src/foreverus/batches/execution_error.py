"""Why an execution of `batch_run`, or one of its steps, ended badly. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """An error as a state machine reports it: its name, one of errors.py or of Step Functions, and what was said."""

    name: str
    cause: str = ""

    @classmethod
    def of(cls, request: Mapping[str, object]) -> "ExecutionError | None":
        """`error` of a step's input, `{"Error", "Cause"}`, if there is one."""
        error = request.get("error")
        if not isinstance(error, Mapping):
            return None
        return cls(error.get("Error") or "", error.get("Cause") or "")

    @classmethod
    def of_execution(cls, detail: Mapping[str, str]) -> "ExecutionError":
        """EventBridge's detail of an execution that ended badly: `{"name", "status", "error"?, "cause"?}`.

        >>> ExecutionError.of_execution({"name": "batch_1", "status": "TIMED_OUT"}).name
        'BatchRunTimedOut'
        """
        name = f"BatchRun{detail['status'].title().replace('_', '')}"
        cause = f"The execution {detail['name']} of batch_run has ended as {detail['status']}."
        return cls(detail.get("error") or name, detail.get("cause") or cause)
