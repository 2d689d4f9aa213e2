"""Step Functions: executions that are started and looked at, and the task tokens that an execution waits for."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from foreverus import tracing
from foreverus.errors import ForeverUsError

RUNNING = "RUNNING"
STACK_DELETED = "StackDeleted"  # the error of executions that were stopped for that
DELETED = "The stack that it belongs to is being deleted."


class StepFunctionsMachine:
    def __init__(self, client: Any, arn: str):
        self.client = client
        self.arn = arn

    def start(self, name: str, request: Mapping[str, object]) -> None:
        """Starts an execution under this name. Starting the same one again changes nothing."""
        try:
            header = tracing.header()
            traced = {"traceHeader": header} if header else {}
            told = json.dumps(request, sort_keys=True)
            self.client.start_execution(stateMachineArn=self.arn, name=name, input=told, **traced)
        except self.client.exceptions.ExecutionAlreadyExists:
            return  # an earlier attempt took effect although its response was lost

    def is_running(self, name: str) -> bool:
        """Whether the execution runs now. One that never existed does not, nor does one whose name cannot be: somebody
        may have written anything into an instance's tag."""
        return self.status(name) == RUNNING

    def running(self) -> list[str]:
        """The names of all executions that run now; none of a machine that is not there."""
        pages = self.client.get_paginator("list_executions").paginate(stateMachineArn=self.arn, statusFilter=RUNNING)
        try:
            return [str(one["name"]) for page in pages for one in page["executions"]]
        except self.client.exceptions.StateMachineDoesNotExist:
            return []

    def stop(self, name: str) -> None:
        """One that is over already is a success."""
        try:
            self.client.stop_execution(executionArn=self._arn_of(name), error=STACK_DELETED, cause=DELETED)
        except self.client.exceptions.ExecutionDoesNotExist:
            return

    def status(self, name: str) -> str | None:
        """Step Functions' word (RUNNING, SUCCEEDED, FAILED, …); None: there never was one."""
        try:
            return str(self.client.describe_execution(executionArn=self._arn_of(name))["status"])
        except (self.client.exceptions.ExecutionDoesNotExist, self.client.exceptions.InvalidArn):
            return None

    def error(self, name: str) -> str:
        """The error in which an execution has ended; empty: in none."""
        try:
            return str(self.client.describe_execution(executionArn=self._arn_of(name)).get("error") or "")
        except (self.client.exceptions.ExecutionDoesNotExist, self.client.exceptions.InvalidArn):
            return ""

    def _arn_of(self, name: str) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"


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
