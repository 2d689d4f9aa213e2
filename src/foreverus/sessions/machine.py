"""Starts executions of the `gpu_session` state machine."""

import json
from typing import Any, Protocol


class SessionMachine(Protocol):
    def start(self, session_id: str, request: dict[str, Any]) -> None:
        """Starts the session's execution under its id. Starting the same session again changes nothing."""


class StepFunctionsMachine:
    def __init__(self, client: Any, arn: str):
        self.client = client
        self.arn = arn

    def start(self, session_id: str, request: dict[str, Any]) -> None:
        try:
            self.client.start_execution(
                stateMachineArn=self.arn, name=session_id, input=json.dumps(request, sort_keys=True)
            )
        except self.client.exceptions.ExecutionAlreadyExists:
            return  # an earlier attempt took effect although its response was lost

    def is_running(self, session_id: str) -> bool:
        """Whether the session's execution runs now. One that never existed does not, nor does one whose name cannot be:
        somebody may have written anything into an instance's tag."""
        execution_arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{session_id}"
        try:
            return bool(self.client.describe_execution(executionArn=execution_arn)["status"] == "RUNNING")
        except (self.client.exceptions.ExecutionDoesNotExist, self.client.exceptions.InvalidArn):
            return False
