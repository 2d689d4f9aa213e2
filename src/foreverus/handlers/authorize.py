"""The Lambda authorizer of the REST API and of the WebSocket API."""

from typing import Any

from foreverus import logs
from foreverus.access.authorizer import policy, presented
from foreverus.bootstrap.authorize import build


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    given = presented(event)
    caller = build().caller_at(given) if given.text else None
    if caller is None:
        raise Exception("Unauthorized")  # API Gateway's own word for 401, of both APIs; a refusal by policy is a 403
    return policy(caller, event["methodArn"])
