"""The Lambda authorizer of the REST API and of the WebSocket API."""

from typing import Any

from foreverus import bootstrap
from foreverus.access.authorizer import credential_of, policy


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    credential = credential_of(event)
    user_id = bootstrap.authorizer().user_of(credential) if credential else None
    return policy(user_id, event["methodArn"])
