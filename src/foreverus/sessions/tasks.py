"""The state machine's task tokens: heartbeats and results."""

import json
from typing import Any, Protocol

from botocore.exceptions import ClientError

from foreverus.errors import ForeverUsError


class TaskRefused(ForeverUsError):
    """The state machine does not wait for this token (any more): it has moved on without us."""


class Tasks(Protocol):
    """Each raises TaskRefused."""

    def heartbeat(self, token: str) -> None: ...
    def succeed(self, token: str, output: dict[str, Any]) -> None: ...
    def fail(self, token: str, error: str, cause: str) -> None: ...


_REFUSED = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


class StepFunctionsTasks:
    def __init__(self, client: Any):
        self.client = client

    def heartbeat(self, token: str) -> None:
        self._call(self.client.send_task_heartbeat, taskToken=token)

    def succeed(self, token: str, output: dict[str, Any]) -> None:
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

    def succeed(self, token: str, output: dict[str, Any]) -> None:
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
