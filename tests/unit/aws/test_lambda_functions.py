"""A function that is called and not waited for."""

import io
import json
from typing import Any

from foreverus.aws.lambda_functions import LambdaFunction


class Client:
    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.payload = io.BytesIO(b"{}")

    def invoke(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"StatusCode": 202, "Payload": self.payload}


def test_its_answer_is_read_so_that_the_next_call_has_its_connection() -> None:
    """botocore gives a connection back when its answer was read to the end."""
    client = Client()
    LambdaFunction(client, "answer").call({"conversation_id": "conv_1"})
    assert client.asked["InvocationType"] == "Event" and json.loads(client.asked["Payload"]) == {
        "conversation_id": "conv_1"
    }
    assert client.payload.read() == b""
