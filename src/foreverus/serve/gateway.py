"""What API Gateway answers by itself, in its words: refusals, and what browsers ask before they ask (CORS). Pure.

A test holds both against template.yaml, which is where they are changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

NAMED = "x-amzn-requestid"  # what API Gateway calls a request, in each of its answers
MOST_BODY_BYTES = 10 << 20  # API Gateway's limit
MOST_EVENT_BYTES = 6 << 20  # Lambda's: of the event, in which the body is a text within JSON

OWN_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "X-Amzn-RequestId,*",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
)
CORS_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": (
            "*,Authorization,Content-Type,Idempotency-Key,OpenAI-Organization,OpenAI-Project,OpenAI-Beta,"
            "X-Stainless-Arch,X-Stainless-Async,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-OS,"
            "X-Stainless-Package-Version,X-Stainless-Retry-Count,X-Stainless-Runtime,X-Stainless-Runtime-Version,"
            "X-Stainless-Timeout"
        ),
        "Access-Control-Allow-Methods": "GET,POST,PATCH,DELETE,OPTIONS",
        "Access-Control-Max-Age": "7200",
    }
)
_INVALID, _SERVER = "invalid_request_error", "server_error"


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """Of one kind of refusal. `retry`: clients are told to come again in two seconds."""

    status: int
    message: str
    type: str
    code: str | None
    retry: bool = False

    def body(self, request_id: str) -> dict[str, object]:
        error = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        return {"error": error, "request_id": request_id}

    @property
    def headers(self) -> dict[str, str]:
        return {**OWN_HEADERS, **({"Retry-After": "2"} if self.retry else {})}

    def saying(self, status: int, message: str) -> "GatewayAnswer":
        """One of API Gateway's answers that have no words of ours: DEFAULT_4XX and DEFAULT_5XX."""
        return replace(self, status=status, message=message)


class GatewayRefusal(Enum):
    """By API Gateway's names."""

    UNAUTHORIZED = GatewayAnswer(
        401,
        "The API key or token is missing, wrong, expired or revoked. Send one that is valid: "
        "Authorization: Bearer <key or token>.",
        _INVALID,
        "invalid_api_key",
    )
    AUTHORIZER_FAILURE = GatewayAnswer(
        503,
        "Nobody could look at your API key or token just now. Try again in two seconds.",
        _SERVER,
        "try_again",
        retry=True,
    )
    THROTTLED = GatewayAnswer(
        429,
        "Too many requests at once. Try again in two seconds.",
        "rate_limit_error",
        "rate_limit_exceeded",
        retry=True,
    )
    MISSING_AUTHENTICATION_TOKEN = GatewayAnswer(404, "There is no such route.", "not_found_error", "route_not_found")
    REQUEST_TOO_LARGE = GatewayAnswer(
        413,
        "A form takes at most 4,000,000 bytes of a file. A larger one is sent in parts (POST /uploads) of at most "
        "4,194,304 bytes: OpenAI's client does that in client.uploads.upload_file_chunked(…, part_size=4194304). Or it "
        "is announced (POST /files with the JSON filename, purpose and bytes) and put at the address of the answer. "
        "A chat's images are uploaded (POST /files with purpose vision), and named by their file_id.",
        _INVALID,
        "request_too_large",
    )
    DEFAULT_4XX = GatewayAnswer(400, "Bad request", _INVALID, None)
    DEFAULT_5XX = GatewayAnswer(500, "Internal server error", _SERVER, None, retry=True)


SLOW_BODY = GatewayRefusal.DEFAULT_4XX.value.saying(408, "The request's body took too long to come.")
# Where the process stands behind a balancer or a web server that has the certificate (--https-only).
PLAIN_HTTP = GatewayRefusal.DEFAULT_4XX.value.saying(
    403, "Send this over HTTPS: over HTTP others can read the key or token."
)
TIMED_OUT = GatewayRefusal.DEFAULT_5XX.value.saying(504, "Endpoint request timed out")
