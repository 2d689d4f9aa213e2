"""The web application: OpenAI's two endpoints over HTTP, plain and as streams of events.

It is the same on Lambda, behind the Lambda Web Adapter, and on a laptop (docs/decisions/0032). Who asks stands in the
header that the adapter writes, whatever a client has put there.
"""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from time import time
from types import SimpleNamespace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from foreverus import logs, tracing
from foreverus.access.records import Caller
from foreverus.api.responses import HEADERS, REQUEST_ID, Shown, json_response
from foreverus.backends.parameters import CHAT, COMPLETIONS
from foreverus.backends.port import Completion, Delta, Finished
from foreverus.backends.whole import whole_answer
from foreverus.errors import EngineFailed, NotAuthenticated, NotFound, RequestRejected
from foreverus.openai_api import failures, sse
from foreverus.openai_api.answering import Answering
from foreverus.openai_api.records import AnsweredBy
from foreverus.openai_api.requests import read_request
from foreverus.openai_api.running import Running, all_over
from foreverus.openai_api.shapes import Shapes
from foreverus.text import quoted

PATHS = {CHAT: "/chat/completions", COMPLETIONS: "/completions"}
# What the Lambda Web Adapter says of a request and of its invocation; what a client put there is replaced.
CONTEXT, INVOCATION = "x-amzn-request-context", "x-amzn-lambda-context"
STREAM_HEADERS = {**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}

log = logging.getLogger(__name__)
Events = Running[Delta | Finished]
Event = Delta | Finished | None


def application(answering: Answering) -> Starlette:
    """Routes as API Gateway matches them: without the stage's `/v1`."""
    routes = [Route(path, partial(_route, answering, name), methods=["POST"]) for name, path in PATHS.items()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route}, lifespan=_lifespan)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await all_over()


async def _no_route(request: Request, error: Exception) -> HttpResponse:
    asked = quoted(f"{request.method} {request.url.path}")
    refusal = _refusal(NotFound(f"There is no route {asked}.", code="unknown_route"))
    return _named(refusal, context_of(request.headers))


async def _route(answering: Answering, endpoint: str, request: Request) -> HttpResponse:
    context, invocation = context_of(request.headers), _json_header(request.headers, INVOCATION)
    logs.start({"requestContext": context}, SimpleNamespace(aws_request_id=str(invocation.get("request_id") or "")))
    with tracing.joined(str(invocation.get("xray_trace_id") or request.headers.get(tracing.HEADER) or "")):
        try:
            return _named(await _answer(answering, endpoint, request, caller_of(context)), context)
        except Exception as err:
            return _named(_refusal(_told(err)), context)


def _named(response: HttpResponse, context: Mapping[str, object]) -> HttpResponse:
    """With what API Gateway calls the request, which its lines of the log have too."""
    if request_id := str(context.get("requestId") or ""):
        response.headers[REQUEST_ID] = request_id
    return response


async def _answer(answering: Answering, endpoint: str, request: Request, caller: Caller) -> HttpResponse:
    read = read_request(endpoint, await request.body(), answering.served, answering.clock())
    asked = replace(read, credential=request.headers.get("authorization", "").removeprefix("Bearer "))
    entered = await answering.enter(asked, caller)
    rate, chosen = entered.admitted.rate.headers(), entered.chosen
    if isinstance(chosen, RequestRejected):
        return _refusal(_told(chosen), rate)
    try:
        by = AnsweredBy(chosen.backend)
        running = Running(_traced(answering.events(asked, caller, chosen, entered.admitted, by), by), _gone(request))
        first = await running.next()
        shapes = Shapes(asked, by.backend)
        if asked.streams:
            return EventStream(_stream(running, first, shapes), headers={**STREAM_HEADERS, **rate})
        return _response(200, shapes.whole(await _whole(running, first)), rate)
    except Exception as err:
        return _refusal(_told(err), rate)


async def _traced(
    events: AsyncGenerator[Delta | Finished, None], by: AnsweredBy
) -> AsyncGenerator[Delta | Finished, None]:
    """The same; the trace has how long the first one took, and all."""
    first_at = 0.0
    with tracing.step("answer") as step:
        try:
            async with aclosing(events) as each:
                async for event in each:
                    first_at = first_at or time()
                    yield event
        finally:
            tracing.note(backend=by.backend.value)
            tracing.note_stream(step.begun, first_at)


async def _whole(running: Events, first: Event) -> Completion:
    deltas: list[Delta] = []
    finished, event = None, first
    while event is not None:
        if isinstance(event, Finished):
            finished = event
        else:
            deltas.append(event)
        event = await running.next()
    if finished is None:
        raise EngineFailed("The answer had no end.")
    return whole_answer(deltas, finished)


class EventStream(StreamingResponse):
    """Starlette's, without its look for whether the client is there, for which it makes a group of tasks before the
    first byte: `Running` looks from the beginning on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


async def _stream(running: Events, first: Event, shapes: Shapes) -> AsyncGenerator[bytes, None]:
    """The last chunk comes when everything is counted: after it the process may be frozen. What is there at once goes
    out at once: who speaks with the first words, and all that came while the one before was sent."""
    finished, event = None, first
    said = sse.events(shapes.first())
    try:
        while event is not None:
            if isinstance(event, Finished):
                finished = event
            else:
                said += sse.event(shapes.piece(event))
            if said and not running.has_more:
                yield said
                said = b""
            event = await running.next()
        if finished is None:
            raise EngineFailed("The answer had no end.")
        yield said + sse.events(shapes.last(finished)) + sse.DONE
    except Exception as err:
        yield said + sse.error_event(_told(err).body())
    finally:
        running.stop()  # the client has gone, or it is over


async def _gone(request: Request) -> None:
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


def _told(error: Exception) -> RequestRejected:
    known = failures.told(error)
    if known is None or known.status >= 500:
        log.error("a request failed", exc_info=error)
    else:
        log.info("a request was refused: %d %s", known.status, known.reason)
    return known or failures.mistake()


def _refusal(error: RequestRejected, more: Mapping[str, str] | None = None) -> HttpResponse:
    return _response(error.status, error.body(), {**(more or {}), **error.headers})


def _response(status: int, body: Shown, more: Mapping[str, str] | None = None) -> HttpResponse:
    made = json_response(status, body, more)
    return HttpResponse(made["body"].encode("utf-8", "replace"), status, made["headers"])
