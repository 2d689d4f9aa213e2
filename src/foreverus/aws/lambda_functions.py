"""Functions that are called and not waited for. Nothing is handed over: they look up themselves what there is to do."""

from typing import Any


class LambdaFunction:
    """`name`: its ARN or its name."""

    def __init__(self, client: Any, name: str):
        self.client = client
        self.name = name

    def call(self) -> None:
        """Returns once Lambda has queued the call; Lambda tries twice more by itself when the function fails."""
        self.client.invoke(FunctionName=self.name, InvocationType="Event", Payload=b"{}")
