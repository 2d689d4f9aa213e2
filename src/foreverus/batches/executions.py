"""Executions of the `batch_run` state machine; an execution's name is its batch's id."""

from typing import Any, Protocol

from foreverus.sessions.machine import StepFunctionsMachine

RUNNING = "RUNNING"


class Executions(Protocol):
    def start(self, batch_id: str, request: dict[str, Any]) -> None:
        """Starting the same batch again changes nothing."""

    def status(self, batch_id: str) -> str | None:
        """Step Functions' word (RUNNING, SUCCEEDED, FAILED, …); None: there never was one."""


class BatchExecutions(StepFunctionsMachine):
    def status(self, batch_id: str) -> str | None:
        execution_arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{batch_id}"
        try:
            return str(self.client.describe_execution(executionArn=execution_arn)["status"])
        except self.client.exceptions.ExecutionDoesNotExist:
            return None


class MemoryExecutions:
    """Twin of `BatchExecutions`."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.requests: dict[str, dict[str, Any]] = {}

    def start(self, batch_id: str, request: dict[str, Any]) -> None:
        if batch_id not in self.statuses:
            self.statuses[batch_id], self.requests[batch_id] = RUNNING, request

    def status(self, batch_id: str) -> str | None:
        return self.statuses.get(batch_id)
