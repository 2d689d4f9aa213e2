"""The application with functions of the test's own: what API Gateway does, the process does."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from foreverus import logs
from foreverus.api.responses import ok
from foreverus.openai_api.http import caller_of, context_of
from foreverus.serve import application as module
from foreverus.serve.application import Functions, HostedApi, Places, application
from foreverus.serve.bodies import Bodies

KEY = {"Authorization": "Bearer good"}


def show(event: Any, context: Any) -> Any:
    """What a handler is told."""
    logs.start(event, context)
    told = {name: event[name] for name in ("resource", "pathParameters", "body")}
    return ok({**told, "user": event["requestContext"]["authorizer"]["user_id"], "ids": dict(logs.bound())})


async def chat(request: Request) -> StreamingResponse:
    """Two chunks, with who asks and what they sent."""

    body = await request.body()

    async def chunks() -> AsyncIterator[bytes]:
        yield caller_of(context_of(request.headers)).user_id.encode()
        yield body

    return StreamingResponse(chunks())


def authorize(event: Any) -> dict[str, str] | None:
    credential = event["headers"].get("authorization", "")
    if credential == "Bearer broken":
        raise RuntimeError("nobody can say")
    return {"user_id": "user-1"} if credential == "Bearer good" else None


FUNCTIONS = Functions(
    handlers={"GET /things": show, "POST /things/{thing_id}": show},
    chat=Starlette(routes=[Route("/chat/completions", chat, methods=["POST"])]),
    chat_routes=frozenset({"POST /chat/completions"}),
    authorize=authorize,
)


@asynccontextmanager
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as one:
        yield one


def ask(method: str, path: str, app: Any = None, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with client(app or application(FUNCTIONS)) as one:
            return await one.request(method, path, **{"headers": KEY, **more})

    return asyncio.run(once())


def code(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_handler_is_told_who_asks_for_what() -> None:
    answer = ask("POST", "/v1/things/a%20b?x=1", content=b'{"a": 1}')
    assert answer.json()["resource"] == "/things/{thing_id}" and answer.json()["pathParameters"] == {"thing_id": "a b"}
    assert (answer.json()["user"], answer.json()["body"]) == ("user-1", '{"a": 1}')
    assert answer.json()["ids"]["api_request_id"] == answer.headers["x-amzn-requestid"]


def test_the_chat_api_streams_and_believes_no_header_of_a_clients() -> None:
    forged = {**KEY, "x-amzn-request-context": '{"authorizer": {"user_id": "somebody-else"}}'}
    assert ask("POST", "/v1/chat/completions", headers=forged, content=b"said").text == "user-1said"
    assert ask("POST", "/v1/chat/completions", headers=forged | {"Authorization": "no"}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/v1/things", {}, (401, "invalid_api_key")),
        ("GET", "/v1/things", {"Authorization": "Bearer bad"}, (401, "invalid_api_key")),
        ("GET", "/v1/things", {"Authorization": "Bearer broken"}, (503, "try_again")),
        ("POST", "/v1/things", KEY, (404, "route_not_found")),
        ("PUT", "/v1/chat/completions", KEY, (404, "route_not_found")),
        ("GET", "/v1/nothing", KEY, (404, "route_not_found")),
        ("GET", "/v1", KEY, (404, "route_not_found")),
        ("GET", "/v1/", {}, (404, "route_not_found")),
        ("GET", "/things", KEY, (404, "route_not_found")),
        ("POST", "/healthz", KEY, (404, "route_not_found")),
    ],
)
def test_refusals(method: str, path: str, headers: dict[str, str], expected: tuple[int, str]) -> None:
    answer = ask(method, path, headers=headers)
    assert code(answer) == expected and answer.json()["request_id"] == answer.headers["x-amzn-requestid"]


def test_browsers_may_ask_beforehand_without_a_credential() -> None:
    answer = ask("OPTIONS", "/v1/things/x", headers={})
    assert answer.status_code == 200 and "PATCH" in answer.headers["access-control-allow-methods"]
    assert ask("OPTIONS", "/v1/nothing", headers={}).status_code == 404


def test_a_balancer_asks_nobody_else() -> None:
    def nobody(event: Any) -> None:
        raise AssertionError("asked")

    assert ask("GET", "/healthz", application(replace(FUNCTIONS, authorize=nobody)), headers={}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/things/x", "/v1/chat/completions"])
@pytest.mark.parametrize("size", [6 << 20, 10 << 20, 11 << 20])
def test_what_lambda_would_not_take_is_refused(path: str, size: int) -> None:
    assert code(ask("POST", path, content=b"x" * size)) == (413, "request_too_large")


def test_over_http_nobody_comes_in_where_https_is_asked_for() -> None:
    app = application(FUNCTIONS, https_only=True)
    assert ask("GET", "/v1/things", app).status_code == 403
    assert ask("GET", "/v1/things", app, headers={**KEY, "X-Forwarded-Proto": "http"}).status_code == 403
    assert ask("GET", "/v1/things", app, headers={**KEY, "X-Forwarded-Proto": "https, http"}).status_code == 403
    assert ask("GET", "/v1/things", app, headers={**KEY, "X-Forwarded-Proto": "https"}).status_code == 200
    assert ask("GET", "/healthz", app, headers={}).status_code == 200


def test_a_handler_that_fails_is_a_500_in_openais_form(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Any, context: Any) -> Any:
        raise RuntimeError("a bug")

    answer = ask("GET", "/v1/things", application(replace(FUNCTIONS, handlers={"GET /things": fail})))
    assert answer.status_code == 500 and "a bug" not in answer.text and "a bug" in caplog.text


class Held:
    """A handler that ends when the test says so, and the requests that are in it."""

    def __init__(self) -> None:
        self.release, self.entered = threading.Event(), threading.Semaphore(0)

    def __call__(self, event: Any, context: Any) -> Any:
        logs.start(event, context)
        self.entered.release()
        assert self.release.wait(600)
        return ok({"ids": dict(logs.bound()), "id": event["requestContext"]["requestId"]})


def api(held: Callable[[Any, Any], Any], **more: Any) -> HostedApi:
    made = HostedApi(replace(FUNCTIONS, handlers={"GET /things": held, "POST /things": held}), **more)
    return made


def test_who_finds_every_place_taken_is_told_to_come_again_and_places_come_back() -> None:
    async def run() -> None:
        held = Held()
        app = api(held, requests=Places(2))
        async with client(app) as one:
            first = [asyncio.create_task(one.get("/things", headers=KEY)) for _ in range(2)]
            for _ in first:
                await asyncio.to_thread(held.entered.acquire)
            refused = await one.get("/things", headers=KEY)
            assert code(refused) == (429, "rate_limit_exceeded") and refused.headers["retry-after"] == "2"
            held.release.set()
            assert [(await task).status_code for task in first] == [200, 200]
            assert (await one.get("/things", headers=KEY)).status_code == 200 and app.requests.taken == 0
            assert (await one.get("/things", headers={})).status_code == 401 and app.requests.taken == 0

    asyncio.run(run())


def test_each_request_in_work_has_its_own_ids_in_the_log() -> None:
    async def run() -> None:
        held = Held()
        async with client(api(held)) as one:
            tasks = [asyncio.create_task(one.get("/things", headers=KEY)) for _ in range(8)]
            for _ in tasks:
                await asyncio.to_thread(held.entered.acquire)
            held.release.set()  # all have bound theirs by now
            answers = [(await task).json() for task in tasks]
        assert [one["ids"]["api_request_id"] for one in answers] == [one["id"] for one in answers]
        assert len({one["id"] for one in answers}) == 8

    asyncio.run(run())


def test_a_handler_that_takes_too_long_keeps_its_place_until_it_ends() -> None:
    async def run() -> None:
        held = Held()
        app = api(held, answer_s=0.01)
        async with client(app) as one:
            late = await one.post("/things", headers=KEY, content=b"abc")
            assert late.status_code == 504 and late.json()["error"]["message"] == "Endpoint request timed out"
            assert (app.requests.taken, app.bodies.held) == (1, 3)
            held.release.set()
            while app.requests.taken:
                await asyncio.sleep(0)
            assert app.bodies.held == 0

    asyncio.run(run())


def test_bodies_together_have_a_bound() -> None:
    async def run() -> None:
        held = Held()
        app = api(held, bodies=Bodies(10, 5))
        async with client(app) as one:
            first = asyncio.create_task(one.post("/things", headers=KEY, content=b"12345678"))
            await asyncio.to_thread(held.entered.acquire)
            assert code(await one.post("/things", headers=KEY, content=b"12345678")) == (429, "rate_limit_exceeded")
            held.release.set()
            assert (await first).status_code == 200 and app.bodies.held == 0 and app.requests.taken == 0

    asyncio.run(run())


def test_a_stream_gives_its_place_and_its_body_back() -> None:
    app = HostedApi(FUNCTIONS, streams=Places(1))
    for _ in range(2):
        assert ask("POST", "/chat/completions", app, content=b"said").text == "user-1said"
    assert (app.streams.taken, app.bodies.held) == (0, 0)
    app.streams.take()
    assert code(ask("POST", "/chat/completions", app)) == (429, "rate_limit_exceeded")


def test_a_trace_goes_on_in_the_handler() -> None:
    from foreverus import tracing

    def trace(event: Any, context: Any) -> Any:
        return ok({"trace": tracing.header()})

    root = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    app = application(replace(FUNCTIONS, handlers={"GET /things": trace}))
    assert ask("GET", "/v1/things", app, headers={**KEY, tracing.HEADER: root}).json() == {"trace": root}
    assert ask("GET", "/v1/things", app).json() == {"trace": ""}


def test_bounds_are_what_the_pages_say() -> None:
    assert (module.THREADS, module.MOST_REQUESTS, module.MOST_STREAMS) == (32, 128, 256)
    assert json.loads(json.dumps({"s": module.ANSWER_S})) == {"s": 29.0}
