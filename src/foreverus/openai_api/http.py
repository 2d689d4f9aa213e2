"""What every route of OpenAI's API has over HTTP: who asks, what is said of a refusal, and a client that goes.

Who asks stands in the header that the Lambda Web Adapter writes, whatever a client has put there.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace

from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from foreverus import logs, tracing
from foreverus.access.records import Caller
from foreverus.api.responses import REQUEST_ID, Shown, json_response
from foreverus.errors import NotAuthenticated, RequestRejected
from foreverus.openai_api import failures

# What the Lambda Web Adapter says of a request and of its invocation; what a client put there is replaced.
CONTEXT, INVOCATION = "x-amzn-request-context", "x-amzn-lambda-context"

log = logging.getLogger(__name__)
Answer = Callable[[Request, Caller], Awaitable[HttpResponse]]


def route(path: str, answer: Answer) -> Route:
    """As API Gateway matches it: without the stage's `/v1`. Whatever `answer` raises is told in OpenAI's shape."""

    async def routed(request: Request) -> HttpResponse:
        context, invocation = context_of(request.headers), _json_header(request.headers, INVOCATION)
        logs.start({"requestContext": context}, SimpleNamespace(aws_request_id=str(invocation.get("request_id") or "")))
        with tracing.joined(str(invocation.get("xray_trace_id") or request.headers.get(tracing.HEADER) or "")):
            try:
                return named(await answer(request, caller_of(context)), context)
            except Exception as err:
                return named(refusal(told(err)), context)

    return Route(path, routed, methods=["POST"])


def named(response: HttpResponse, context: Mapping[str, object]) -> HttpResponse:
    """With what API Gateway calls the request, which its lines of the log have too."""
    if request_id := str(context.get("requestId") or ""):
        response.headers[REQUEST_ID] = request_id
    return response


class BareStream(StreamingResponse):
    """Starlette's, without its look for whether the client is there, for which it makes a group of tasks before the
    first byte: `Running` looks from the beginning on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


async def gone(request: Request) -> None:
    """Ends when the client does."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def context_of(headers: Mapping[str, str]) -> Mapping[str, object]:
    """What API Gateway says of a request, as the adapter passes it on."""
    return _json_header(headers, CONTEXT)


def caller_of(context: Mapping[str, object]) -> Caller:
    """As the authorizer found them. Raises NotAuthenticated."""
    authorizer = context.get("authorizer")
    if not isinstance(authorizer, dict) or not authorizer.get("user_id"):
        raise NotAuthenticated("This request carries no user. Send an access token or an API key.")
    return Caller(user_id=str(authorizer["user_id"]), key_id=str(authorizer.get("key_id") or ""))


def _json_header(headers: Mapping[str, str], name: str) -> Mapping[str, object]:
    try:
        value = json.loads(headers.get(name) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def told(error: Exception) -> RequestRejected:
    """What the client is told; it is logged."""
    known = failures.told(error)
    if known is None or known.status >= 500:
        log.error("a request failed", exc_info=error)
    else:
        log.info("a request was refused: %d %s", known.status, known.reason)
    return known or failures.mistake()


def refusal(error: RequestRejected, more: Mapping[str, str] | None = None) -> HttpResponse:
    return response(error.status, error.body(), {**(more or {}), **error.headers})


def response(status: int, body: Shown, more: Mapping[str, str] | None = None) -> HttpResponse:
    made = json_response(status, body, more)
    return HttpResponse(made["body"].encode("utf-8", "replace"), status, made["headers"])
