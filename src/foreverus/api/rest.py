"""What REST routes share: reading an API Gateway proxy event, and the form of answers and errors."""

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from foreverus.api import schemas
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
        return self._header("idempotency-key")

    @property
    def content_type(self) -> str:
        return self._header("content-type")

    @property
    def is_form(self) -> bool:
        return self.content_type.lower().startswith("multipart/form-data")

    @property
    def raw_body(self) -> bytes:
        """The body's bytes. API Gateway hands types that it holds for binary over in base64."""
        body = self.event.get("body") or ""
        if not self.event.get("isBase64Encoded"):
            return str(body).encode()
        try:
            return base64.b64decode(body)
        except ValueError as err:
            raise InvalidRequest("The body is not the base64 that it is said to be.", code="invalid_body") from err

    def _header(self, name: str) -> str:
        headers = {key.lower(): value for key, value in (self.event.get("headers") or {}).items()}
        return str(headers.get(name) or "")

    def body(self, schema: str) -> Any:
        """The JSON body, checked. Raises InvalidRequest that names the field."""
        body = self.event.get("body")
        if body and self.event.get("isBase64Encoded"):
            try:
                body = self.raw_body.decode()
            except ValueError as err:
                raise InvalidRequest("The body is not UTF-8 text.", code="invalid_json") from err
        return schemas.parse(schema, body)

    def ok(self, body: Any) -> Response:
        return response(200, body)

    def created(self, body: Any, is_new: bool = True) -> Response:
        return response(201 if is_new else 200, body)

    def accepted(self, body: Any) -> Response:
        return response(202, body)

    def download(self, content_type: str, filename: str, text: str | None, url: str) -> Response:
        """A file: its text, or a redirect to where its bytes are."""
        if text is None:
            return {"statusCode": 302, "headers": {**_HEADERS, "Location": url}, "body": ""}
        disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        headers = {**_HEADERS, "Content-Type": f"{content_type}; charset=utf-8", "Content-Disposition": disposition}
        return {"statusCode": 200, "headers": headers, "body": text}


def response(status: int, body: Any) -> Response:
    return {"statusCode": status, "headers": _HEADERS, "body": json.dumps(body, ensure_ascii=False)}


def answer(event: dict[str, Any], routes: Routes, services: Callable[[], Any]) -> Response:
    """Calls the route that API Gateway matched; errors come back in OpenAI's shape, never as an exception.

    A table is enough: a router would match again, 100 ms of each cold start (docs/decisions/0002).
    """
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
