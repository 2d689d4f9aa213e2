"""Functions that are called and not waited for. Ids are handed over at most: they look up themselves what to do."""

import json
from typing import Any


class LambdaFunction:
    """`name`: its ARN or its name."""

    def __init__(self, client: Any, name: str):
        self.client = client
        self.name = name

    def call(self, **ids: str) -> None:
        """Returns once Lambda has queued the call; Lambda tries twice more by itself when the function fails."""
        self.client.invoke(FunctionName=self.name, InvocationType="Event", Payload=json.dumps(ids).encode())
