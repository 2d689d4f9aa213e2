"""Functions that are called and not waited for. What they are given says where to look at most: they look up themselves
what there is to do."""

import json
from collections.abc import Mapping
from typing import Any


class LambdaFunction:
    """`name`: its ARN or its name."""

    def __init__(self, client: Any, name: str):
        self.client = client
        self.name = name

    def call(self, event: Mapping[str, str] | None = None) -> None:
        """Returns once Lambda has queued the call; Lambda tries twice more by itself when the function fails."""
        told = json.dumps(dict(event or {})).encode()
        self.client.invoke(FunctionName=self.name, InvocationType="Event", Payload=told)
