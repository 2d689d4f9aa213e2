"""Step Functions: executions that are started and looked at, and the task tokens that an execution waits for."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from foreverus.errors import ForeverUsError

RUNNING = "RUNNING"


class StepFunctionsMachine:
    def __init__(self, client: Any, arn: str):
        self.client = client
        self.arn = arn

    def start(self, name: str, request: Mapping[str, object]) -> None:
        """Starts an execution under this name. Starting the same one again changes nothing."""
        try:
            self.client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(request, sort_keys=True))
        except self.client.exceptions.ExecutionAlreadyExists:
            return  # an earlier attempt took effect although its response was lost

    def is_running(self, name: str) -> bool:
        """Whether the execution runs now. One that never existed does not, nor does one whose name cannot be: somebody
        may have written anything into an instance's tag."""
        return self.status(name) == RUNNING

    def status(self, name: str) -> str | None:
        """Step Functions' word (RUNNING, SUCCEEDED, FAILED, …); None: there never was one."""
        execution_arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return str(self.client.describe_execution(executionArn=execution_arn)["status"])
        except (self.client.exceptions.ExecutionDoesNotExist, self.client.exceptions.InvalidArn):
            return None


class MemoryExecutions:
    """Twin of `StepFunctionsMachine`."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.requests: dict[str, Mapping[str, object]] = {}

    def start(self, batch_id: str, request: Mapping[str, object]) -> None:
        if batch_id not in self.statuses:
            self.statuses[batch_id], self.requests[batch_id] = RUNNING, request

    def status(self, batch_id: str) -> str | None:
        return self.statuses.get(batch_id)


class TaskRefused(ForeverUsError):
    """The state machine does not wait for this token (any more): it has moved on without us."""


class Tasks(Protocol):
    """Each raises TaskRefused."""

    def heartbeat(self, token: str) -> None: ...
    def succeed(self, token: str, output: Mapping[str, object]) -> None: ...
    def fail(self, token: str, error: str, cause: str) -> None: ...


_REFUSED = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


class StepFunctionsTasks:
    def __init__(self, client: Any):
        self.client = client

    def heartbeat(self, token: str) -> None:
        self._call(self.client.send_task_heartbeat, taskToken=token)

    def succeed(self, token: str, output: Mapping[str, object]) -> None:
        self._call(self.client.send_task_success, taskToken=token, output=json.dumps(output))

    def fail(self, token: str, error: str, cause: str) -> None:
        self._call(self.client.send_task_failure, taskToken=token, error=error, cause=cause[:1000])

    def _call(self, method: Any, **request: str) -> None:
        try:
            method(**request)
        except ClientError as err:
            if err.response["Error"]["Code"] in _REFUSED:
                raise TaskRefused(err.response["Error"]["Code"]) from err
            raise


class MemoryTasks:
    """Twin of `StepFunctionsTasks`: `open` are the tokens that are waited for."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.heartbeats: list[str] = []
        self.results: list[tuple[str, str, Any]] = []  # (token, "success", output) or (token, error, cause)

    def heartbeat(self, token: str) -> None:
        self._check(token)
        self.heartbeats.append(token)

    def succeed(self, token: str, output: Mapping[str, object]) -> None:
        self._check(token)
        self.open.discard(token)
        self.results.append((token, "success", output))

    def fail(self, token: str, error: str, cause: str) -> None:
        self._check(token)
        self.open.discard(token)
        self.results.append((token, error, cause))

    def _check(self, token: str) -> None:
        if token not in self.open:
            raise TaskRefused("TaskTimedOut")
