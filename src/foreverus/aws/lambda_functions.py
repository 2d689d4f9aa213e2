"""Functions that other functions call. Whoever does not wait gives them at most where to look: they look up themselves
what there is to do."""

import json
from collections.abc import Mapping
from typing import Any

from foreverus.errors import ForeverUsError


class LambdaFunction:
    """`name`: its ARN or its name."""

    def __init__(self, client: Any, name: str):
        self.client = client
        self.name = name

    def call(self, event: Mapping[str, str] | None = None) -> None:
        """Returns once Lambda has queued the call; Lambda tries twice more by itself when the function fails."""
        told = json.dumps(dict(event or {})).encode()
        answer = self.client.invoke(FunctionName=self.name, InvocationType="Event", Payload=told)
        answer["Payload"].read()  # it is empty; unread it would cost the next call a connection of its own

    def ask(self, event: Mapping[str, object]) -> bytes:
        """Waits for it and returns its answer, as JSON. Raises FunctionFailed, or ClientError where it was not run."""
        told = self.client.invoke(FunctionName=self.name, Payload=json.dumps(dict(event)).encode())
        answer: bytes = told["Payload"].read()
        if told.get("FunctionError"):
            raise FunctionFailed(f"{self.name} failed: {told['FunctionError']}")
        return answer


class FunctionFailed(ForeverUsError):
    """It was run and did not return. Its own log says why."""
