"""What REST routes read of API Gateway's proxy event."""

import base64
from dataclasses import dataclass
from typing import Any

from foreverus.api import schemas
from foreverus.errors import InvalidRequest, NotAuthenticated


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

    def body(self, schema: str) -> dict[str, Any]:
        """The JSON object in the body, checked. Raises InvalidRequest that names the field."""
        body = self.event.get("body")
        if body and self.event.get("isBase64Encoded"):
            try:
                body = self.raw_body.decode()
            except ValueError as err:
                raise InvalidRequest("The body is not UTF-8 text.", code="invalid_json") from err
        return dict(schemas.parse(schema, body))
