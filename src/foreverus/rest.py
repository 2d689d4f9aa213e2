"""What REST routes share: reading an API Gateway proxy event, and the form of answers and errors."""

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from foreverus import schemas
from foreverus.errors import InvalidRequest, NotAuthenticated, NotFound, RequestRejected

Response = dict[str, Any]
Routes = dict[str, Callable[["Request", Any], Response]]

logger = logging.getLogger(__name__)

_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
    # No cookies are used, so any page may ask; the bearer token is what counts.
    "Access-Control-Allow-Origin": "*",
}


@dataclass(frozen=True)
class Request:
    event: dict[str, Any]

    @property
    def user_id(self) -> str:
        """The caller, as the authorizer found them. Raises NotAuthenticated when the route was called without it."""
        authorizer = self.event.get("requestContext", {}).get("authorizer") or {}
        if not authorizer.get("user_id"):
            raise NotAuthenticated("This request carries no user. Send an access token or an API key.")
        return str(authorizer["user_id"])

    @property
    def path(self) -> dict[str, str]:
        return self.event.get("pathParameters") or {}

    @property
    def query(self) -> dict[str, str]:
        return self.event.get("queryStringParameters") or {}

    @property
    def idempotency_key(self) -> str:
        headers = {name.lower(): value for name, value in (self.event.get("headers") or {}).items()}
        return str(headers.get("idempotency-key", ""))

    def body(self, schema: str) -> Any:
        """The JSON body, checked. Raises InvalidRequest that names the field."""
        body = self.event.get("body")
        if body and self.event.get("isBase64Encoded"):
            try:
                body = base64.b64decode(body).decode()
            except ValueError as err:
                raise InvalidRequest("The body is not UTF-8 text.", code="invalid_json") from err
        return schemas.parse(schema, body)

    def ok(self, body: Any) -> Response:
        return response(200, body)

    def created(self, body: Any, is_new: bool = True) -> Response:
        return response(201 if is_new else 200, body)

    def accepted(self, body: Any) -> Response:
        return response(202, body)


def response(status: int, body: Any) -> Response:
    return {"statusCode": status, "headers": _HEADERS, "body": json.dumps(body, ensure_ascii=False)}


def answer(event: dict[str, Any], routes: Routes, services: Callable[[], Any]) -> Response:
    """Calls the route that API Gateway matched; errors come back in OpenAI's shape, never as an exception."""
    method, resource = event.get("httpMethod"), event.get("resource")
    request = Request(event)
    try:
        route = routes.get(f"{method} {resource}")
        if route is None:
            raise NotFound(f"There is no {method} {event.get('path')}.", code="unknown_route")
        _ = request.user_id  # every route is somebody's
        return route(request, services())
    except RequestRejected as err:
        return response(err.status, err.body())
    except Exception:
        logger.exception("%s %s failed", method, resource)
        message = "Something failed on our side. Try again."
        return response(500, {"error": {"message": message, "type": "server_error", "param": None, "code": None}})
