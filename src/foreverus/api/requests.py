"""What REST routes read of API Gateway's proxy event."""

import base64
from dataclasses import dataclass
from typing import Any

from foreverus.api import schemas
from foreverus.errors import InvalidRequest, NotAuthenticated
from foreverus.text import half_character, is_blank, quoted

MOST_BYTES = 1000  # of a value in a path or query; a sort key of the table has 1,024
MOST_HEADER_BYTES = 10_240  # API Gateway takes no more; only a digest of it is kept


@dataclass(frozen=True, slots=True)
class RequestAttempt:
    """What a request says of being sent again. `key`: its Idempotency-Key; `retry`: how many tries of the same client
    went before this one, None where it does not count them."""

    key: str = ""
    retry: int | None = None


NOT_REPEATED = RequestAttempt()


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, and whether an admin does: what those may is a table in docs/security.md."""

    user_id: str
    is_admin: bool = False


@dataclass(frozen=True)
class Request:
    event: dict[str, Any]

    @property
    def request_id(self) -> str:
        """What API Gateway calls this request; each line of the log that it makes has the same id."""
        return str((self.event.get("requestContext") or {}).get("requestId") or "")

    @property
    def user_id(self) -> str:
        """The caller, as the authorizer found them. Raises NotAuthenticated when the route was called without it."""
        authorizer = self.event.get("requestContext", {}).get("authorizer") or {}
        if not authorizer.get("user_id"):
            raise NotAuthenticated("This request carries no user. Send an access token or an API key.")
        return str(authorizer["user_id"])

    @property
    def key_id(self) -> str:
        """The id of the API key that the caller came with; "" for somebody who has signed in."""
        return str((self.event.get("requestContext", {}).get("authorizer") or {}).get("key_id") or "")

    @property
    def ends_at(self) -> str:
        """When the token or key that the caller came with is over; "" for never."""
        return str((self.event.get("requestContext", {}).get("authorizer") or {}).get("ends_at") or "")

    @property
    def can_create_keys(self) -> bool:
        """As the authorizer said: everybody who has signed in, and a key that was made for it."""
        authorizer = self.event.get("requestContext", {}).get("authorizer") or {}
        return str(authorizer.get("can_create_keys")).lower() == "true"

    @property
    def person(self) -> Person:
        """The caller with what the authorizer said: somebody of the pool's group `admins` who has signed in, no key."""
        authorizer = self.event.get("requestContext", {}).get("authorizer") or {}
        return Person(self.user_id, str(authorizer.get("is_admin")).lower() == "true")

    @property
    def path(self) -> dict[str, str]:
        given = self.event.get("pathParameters") or {}
        for name, value in given.items():
            if not value:
                raise InvalidRequest(f"{quoted(name)} is empty.", param=name, code="invalid_field")
        return _whole(given)

    @property
    def id(self) -> str:
        """What the path names: no route has more than one."""
        (value,) = self.path.values()
        return value

    @property
    def query(self) -> dict[str, str]:
        for name, given in (self.event.get("multiValueQueryStringParameters") or {}).items():
            if len(given) > 1:
                message = f"{quoted(name)} is there {len(given)} times: send it once."
                raise InvalidRequest(message, param=quoted(name)[1:-1], code="invalid_field")
        return _whole(self.event.get("queryStringParameters") or {})

    @property
    def idempotency_key(self) -> str:
        key = self._header("idempotency-key")
        return _whole({"Idempotency-Key": key}, MOST_HEADER_BYTES)["Idempotency-Key"] if key else ""

    @property
    def attempt(self) -> RequestAttempt:
        """OpenAI's clients (all made with Stainless) count their tries."""
        count = self._header("x-stainless-retry-count")
        counts = count.isascii() and count.isdigit() and len(count) <= 6
        return RequestAttempt(self.idempotency_key, int(count) if counts else None)

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
            try:
                return str(body).encode()
            except UnicodeEncodeError as err:
                message = f"The body is not UTF-8 text: character {err.start + 1} is half of one."
                raise InvalidRequest(message, code="invalid_form" if self.is_form else "invalid_json") from err
        try:
            return base64.b64decode(body, validate=True)
        except ValueError as err:
            raise InvalidRequest("The body is not the base64 that it is said to be.", code="invalid_json") from err

    def _header(self, name: str) -> str:
        headers = {key.lower(): value for key, value in (self.event.get("headers") or {}).items()}
        return str(headers.get(name) or "")

    def body(self, schema: str) -> dict[str, Any]:
        """The JSON object in the body, checked. Raises InvalidRequest that names the field."""
        body = self.event.get("body")
        if body and self.event.get("isBase64Encoded"):
            body = self.raw_body
        return dict(schemas.parse(schema, body))


def _whole(values: dict[str, str], most: int = MOST_BYTES) -> dict[str, str]:
    """The same values of a path, a query or a header. Raises InvalidRequest for one that no id or key can be."""
    for name, value in values.items():
        for text in (name, value):
            if half_character(text) is not None:
                message = f"{quoted(name)} holds half of a character (\\ud800 … \\udfff): send whole ones, as UTF-8."
                raise InvalidRequest(message, param=quoted(name)[1:-1], code="invalid_field")
        if value and is_blank(value):
            raise InvalidRequest(f"{quoted(name)} is blank.", param=name, code="invalid_field")
        if len(value.encode()) > most:
            message = f"{quoted(name)} is longer than {most} bytes: nothing here has such a name."
            raise InvalidRequest(message, param=name, code="invalid_field")
    return values
