"""A route of the REST API, asked as API Gateway asks its handler."""

import json
from typing import Any

from foreverus.handlers import api


def call(
    route: str, body: object = None, *, query: dict[str, str] | None = None, user_id: str = "ana", admin: bool = False
) -> tuple[int, Any]:
    """(status, what was answered)."""
    method, path = route.split(" ")
    event = {
        "resource": path, "path": path, "httpMethod": method, "headers": {}, "pathParameters": None,
        "queryStringParameters": query, "body": None if body is None else json.dumps(body),
        "requestContext": {"authorizer": {"user_id": user_id, "is_admin": str(admin).lower()}},
    }  # fmt: skip
    answer = api.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])
