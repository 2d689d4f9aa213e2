"""The ASGI application: API Gateway's part of each request, then the function's own code.

Handlers are plain code that blocks: they run in a bounded number of threads, each in a context of its own (the ids of
its lines in the log, its trace). The chat API is an ASGI application itself and streams through.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Mount, Route

from foreverus import tracing
from foreverus.openai_api.http import CONTEXT, INVOCATION
from foreverus.openai_api.running import all_over
from foreverus.serve import gateway
from foreverus.serve.bodies import Bodies, BodiesFull, BodyTooLarge, BodyTooSlow, ClientLeft, Incoming
from foreverus.serve.events import STAGE, Event, HttpRequest, event_of, headers_of, is_too_large
from foreverus.serve.gateway import NAMED, GatewayAnswer, GatewayRefusal
from foreverus.serve.resources import Resources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

THREADS = 32  # requests in work at once, each mostly waits for AWS
MOST_REQUESTS = 4 * THREADS  # in work or waiting for a thread; who comes then is told to come again
MOST_STREAMS = 256  # answers of the chat API that are being written
MOST_BODY_BYTES_HELD = 64 << 20  # of all requests together
ANSWER_S = 29.0  # API Gateway's own limit
BODY_S = 30.0
OPTIONS = "OPTIONS"

log = logging.getLogger(__name__)

T = TypeVar("T")
Answered = Mapping[str, object]
Handler = Callable[[Event, object], Answered]
Authorize = Callable[[Event], Mapping[str, str] | None]


@dataclass(frozen=True, kw_only=True)
class Functions:
    """`handlers`: by route, `GET /files`. `chat`: the ASGI application of `chat_routes`. `authorize` says who asks, or
    None; it raises where nobody can say."""

    handlers: Mapping[str, Handler]
    chat: "ASGIApp"
    chat_routes: frozenset[str]
    authorize: Authorize


class RefusedHere(Exception):
    """`answer`: in API Gateway's place."""

    def __init__(self, answer: GatewayAnswer):
        self.answer = answer


@dataclass
class Places:
    """For so many at once."""

    most: int
    taken: int = 0

    def take(self) -> None:
        """Raises RefusedHere."""
        if self.taken >= self.most:
            raise RefusedHere(GatewayRefusal.THROTTLED.value)
        self.taken += 1

    def free(self) -> None:
        self.taken -= 1


@dataclass
class HostedApi:
    """What stands below the stage: an ASGI application. `https_only`: whoever has the certificate says in
    `X-Forwarded-Proto` how a request came, and one that came over HTTP is refused."""

    functions: Functions
    https_only: bool = False
    requests: Places = field(default_factory=lambda: Places(MOST_REQUESTS))
    streams: Places = field(default_factory=lambda: Places(MOST_STREAMS))
    bodies: Bodies = field(default_factory=lambda: Bodies(MOST_BODY_BYTES_HELD, BODY_S))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "api"))
    answer_s: float = ANSWER_S

    def __post_init__(self) -> None:
        self.resources = Resources([*self.functions.handlers, *self.functions.chat_routes])

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            return
        request_id, headers, incoming = str(uuid4()), headers_of(scope["headers"]), Incoming(receive)
        named = _named(send, request_id)
        with tracing.joined(headers.get(tracing.HEADER.lower(), "")):
            try:
                asked = self._asked(scope, headers, request_id)
                if asked.method == OPTIONS:
                    await self._hear_out(incoming)
                    await HttpResponse(b"{}\n", headers=gateway.CORS_HEADERS)(scope, receive, named)
                elif f"{asked.method} {asked.resource.path}" in self.functions.chat_routes:
                    await self._stream(asked, scope, incoming, named)
                else:
                    await (await self._answer(asked, incoming))(scope, receive, named)
            except RefusedHere as refused:
                await self._hear_out(incoming)
                await _refusal(refused.answer, request_id)(scope, receive, named)
            except ClientLeft:
                pass

    async def _hear_out(self, incoming: Incoming) -> None:
        """The rest of a body that nobody wants: who is still sending hears no answer."""
        with suppress(BodyTooLarge, BodyTooSlow, ClientLeft):
            await self.bodies.read(incoming, keep=False)

    def _asked(self, scope: "Scope", headers: Mapping[str, str], request_id: str) -> HttpRequest:
        """Raises RefusedHere."""
        if self.https_only and headers.get("x-forwarded-proto", "http").lower() != "https":
            raise RefusedHere(gateway.PLAIN_HTTP)
        path, method = scope["path"].removeprefix(scope.get("root_path", "")) or "/", scope["method"]
        found = self.resources.find(path)
        if found is None or method not in {*found.methods, OPTIONS}:
            raise RefusedHere(GatewayRefusal.MISSING_AUTHENTICATION_TOKEN.value)
        query = scope["query_string"].decode("utf-8", "replace")
        return HttpRequest(request_id, method, path, query, headers, found)

    async def _answer(self, asked: HttpRequest, incoming: Incoming) -> HttpResponse:
        """Of a handler. The place is taken until its thread has ended, which may be after the answer."""
        self.requests.take()
        try:
            event, body = await self._event(asked, incoming)
        except BaseException:
            self.requests.free()
            raise

        def over(_: object) -> None:
            self.bodies.done(body)
            self.requests.free()

        handler = self.functions.handlers[f"{asked.method} {asked.resource.path}"]
        work = self._in_thread(partial(handler, event, SimpleNamespace(aws_request_id=asked.request_id)))
        work.add_done_callback(over)
        done, _ = await asyncio.wait([work], timeout=self.answer_s)
        if not done:
            raise RefusedHere(gateway.TIMED_OUT)
        try:
            answered = work.result()
        except Exception as err:
            log.exception("a handler failed")
            raise RefusedHere(GatewayRefusal.DEFAULT_5XX.value) from err
        return _response(answered)

    async def _stream(self, asked: HttpRequest, scope: "Scope", incoming: Incoming, send: "Send") -> None:
        """Through the chat API, which is told of the caller as the Lambda Web Adapter tells it."""
        self.streams.take()
        body = b""
        try:
            event, body = await self._event(asked, incoming)
            told = {CONTEXT: event["requestContext"], INVOCATION: {"request_id": asked.request_id}}
            kept = [(name, value) for name, value in scope["headers"] if name.decode("latin-1").lower() not in told]
            given = [(name.encode(), json.dumps(value).encode()) for name, value in told.items()]
            below = {**scope, "path": asked.resource.path, "root_path": "", "headers": [*kept, *given]}
            await self.functions.chat(below, incoming.again(body), send)
        finally:
            self.bodies.done(body)
            self.streams.free()

    async def _event(self, asked: HttpRequest, incoming: Incoming) -> tuple[Event, bytes]:
        """With who asks, and the body, which the caller gives back to `bodies`. Raises RefusedHere, ClientLeft."""
        try:
            caller = await self._in_thread(partial(self.functions.authorize, event_of(asked)))
        except Exception as err:
            log.exception("the authorizer failed")
            raise RefusedHere(GatewayRefusal.AUTHORIZER_FAILURE.value) from err
        if caller is None:
            raise RefusedHere(GatewayRefusal.UNAUTHORIZED.value)
        try:
            body = await self.bodies.read(incoming)
        except BodyTooLarge as err:
            raise RefusedHere(GatewayRefusal.REQUEST_TOO_LARGE.value) from err
        except BodiesFull as err:
            raise RefusedHere(GatewayRefusal.THROTTLED.value) from err
        except BodyTooSlow as err:
            raise RefusedHere(gateway.SLOW_BODY) from err
        event = event_of(asked, caller, body)
        if is_too_large(event, body):
            self.bodies.done(body)
            raise RefusedHere(GatewayRefusal.REQUEST_TOO_LARGE.value)
        return event, body

    def _in_thread(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """In a copy of this request's context: what it binds there is nobody else's."""
        return asyncio.get_running_loop().run_in_executor(self.threads, partial(copy_context().run, work))


def application(functions: Functions, https_only: bool = False) -> Starlette:
    """The API below /v1; and /healthz, which says to a balancer that the process takes requests, and asks nobody."""
    api = HostedApi(functions, https_only)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> "AsyncIterator[None]":
        yield
        await all_over()  # what an answer has used is counted before the process ends
        api.threads.shutdown()

    routes = [Route("/healthz", _healthy, methods=["GET"]), Mount(f"/{STAGE}", app=api)]
    made = Starlette(routes=routes, exception_handlers={404: _elsewhere, 405: _elsewhere}, lifespan=lifespan)
    made.router.redirect_slashes = False  # /v1 is no route, and no other address either
    return made


async def _healthy(request: Request) -> HttpResponse:
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _elsewhere(request: Request, error: Exception) -> HttpResponse:
    return _refusal(GatewayRefusal.MISSING_AUTHENTICATION_TOKEN.value, str(uuid4()))


def _refusal(answer: GatewayAnswer, request_id: str) -> HttpResponse:
    body = json.dumps(answer.body(request_id), ensure_ascii=False).encode()
    return HttpResponse(body, answer.status, {**answer.headers, NAMED: request_id})


def _response(answered: Answered) -> HttpResponse:
    status, headers, body = answered["statusCode"], answered["headers"], answered["body"]
    assert isinstance(status, int) and isinstance(headers, Mapping)
    return HttpResponse(str(body).encode("utf-8", "replace"), status, headers)


def _named(send: "Send", request_id: str) -> "Send":
    """Each answer has the request's name, as API Gateway's have."""

    async def named(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = [one for one in message.get("headers", []) if one[0].lower() != NAMED.encode()]
            message = {**message, "headers": [*headers, (NAMED.encode(), request_id.encode())]}
        await send(message)

    return named
