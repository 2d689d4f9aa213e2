"""The Lambda authorizer of the REST API and of the WebSocket API."""

from typing import Any

from foreverus import bootstrap
from foreverus.access.authorizer import credential_of, policy


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    credential = credential_of(event)
    if not credential:
        raise Exception("Unauthorized")  # API Gateway's own word for 401; a refusal by policy is a 403
    return policy(bootstrap.authorizer().user_of(credential), event["methodArn"])
