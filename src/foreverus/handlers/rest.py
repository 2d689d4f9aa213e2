"""What the REST routes share: who asks, how an answer and a failure look."""

import json
import logging
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from foreverus.errors import NotAuthenticated

logger = logging.getLogger(__name__)


def reply(status: int, body: Any) -> Response[str]:
    return Response(status, content_type="application/json", body=json.dumps(body, ensure_ascii=False))


def user_id(app: APIGatewayRestResolver) -> str:
    """The caller, as the authorizer found them. Raises NotAuthenticated when the route was called without it."""
    authorizer = app.current_event.raw_event.get("requestContext", {}).get("authorizer") or {}
    if not authorizer.get("user_id"):
        raise NotAuthenticated("This request carries no user. Send an access token or an API key.")
    return str(authorizer["user_id"])


def failed(err: Exception) -> Response[str]:
    """An error that nobody foresaw: the log has it all, the client learns that it may try again."""
    logger.exception("unexpected error", exc_info=err)
    error = {"message": "Something failed on our side. Try again.", "type": "server_error", "param": None, "code": None}
    return reply(500, {"error": error})
