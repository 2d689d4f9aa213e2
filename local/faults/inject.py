"""Puts the rules into the emulator: calls over HTTP, the state machines' own calls, and invocations of functions.

`POST /_foreverus/faults` on loopback takes `{"op": …}`; see `_control`. GET tells what was called and struck; GET of
`/_foreverus/faults/seen` tells what runs, at a hundredth of what four API calls cost.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from hashlib import md5
from typing import Any
from urllib.parse import parse_qs

from local.faults import answers
from local.faults.clock import pass_time
from local.faults.machines import in_states
from local.faults.names import logical
from local.faults.records import bury, what_is_there
from local.faults.rules import Book, Rule
from local.patches import Options, states_tasks

PATH = "/_foreverus/faults"
SEEN_PATH = f"{PATH}/seen"
CUT_S = 90.0  # how long a call over a cut line is kept waiting; its caller gives up sooner
BOOK = Book()


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.services import lambda_svc
    from ministack.services import stepfunctions as states

    gateway.app = over_http(gateway.app)
    in_states(states, BOOK)
    _in_functions(lambda_svc)


def caller_of(headers: dict[str, str]) -> tuple[str, str]:
    """Who signed a request: the role's logical id and its session's name (an instance's id). Empty: not the system."""
    from ministack.core.iam_evaluator import resolve_caller_identity
    from ministack.core.router import extract_access_key_id

    identity = resolve_caller_identity(extract_access_key_id(headers, {})) if "authorization" in headers else None
    arn = (identity or {}).get("userArn", "")
    if ":assumed-role/" not in arn:
        return "", ""
    _, role, session = arn.rsplit("/", 2)
    return logical(role), session


def action_of(method: str, path: str, headers: dict[str, str], query: dict[str, Any], body: bytes) -> str:
    from ministack.core.iam_actions import extract_iam_action
    from ministack.core.router import detect_service

    if "/@connections/" in path or "/%40connections/" in path:
        return "execute-api:ManageConnections"
    service = detect_service(method, path, headers, query)
    return extract_iam_action(service, method, path, headers, body, query) or f"{service}:{method}"


Send = Callable[[dict[str, Any]], Awaitable[None]]


def over_http(emulator: Any) -> Any:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] != "http" or "/_ministack/" in scope["path"]:
            return await emulator(scope, receive, send)
        if scope["path"] == PATH:
            return await _control(scope, receive, send)
        if scope["path"] == SEEN_PATH:
            return await _tell(send, {**what_is_there(), **BOOK.moments()})
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        caller, session = caller_of(headers)
        if not caller:
            return await emulator(scope, receive, send)
        body = await body_of(receive)
        query = parse_qs(scope["query_string"].decode())
        action = action_of(scope["method"], scope["path"], headers, query, body)
        rule = BOOK.strike(BOOK.by_step(caller), action, session, body=f"{scope['path']} {body.decode('latin-1')}")
        if scope["method"] == "HEAD":
            send = _without_body(send)
        again = replay(body, receive)
        if rule is None:
            return await emulator(scope, again, send)
        return await _strike(rule, action, lambda to: emulator(scope, again, to), body, receive, send)

    return app


async def _strike(rule: Rule, action: str, call: Any, body: bytes, receive: Any, send: Send) -> None:
    service = action.partition(":")[0]
    if rule.kind == "hold":
        await asyncio.to_thread(BOOK.hold, rule.seconds)
        return await call(send)
    if rule.kind == "late":
        asyncio.get_running_loop().call_later(rule.seconds, lambda: _tasks.add(asyncio.ensure_future(call(_nowhere))))
        return await answer(send, 200, {"Content-Type": "application/x-amz-json-1.0"}, _sent(body))
    if rule.kind in ("lost", "cut_back", "hold_after"):
        await call(_nowhere)
    if rule.kind == "hold_after":
        await asyncio.to_thread(BOOK.hold, rule.seconds)
    if rule.kind in ("cut_out", "cut_back"):
        await _hang(receive)
    await answer(send, *answers.over_http(rule.kind, service))


def _without_body(send: Send) -> Send:
    """What is answered to HEAD."""

    async def only_head(message: dict[str, Any]) -> None:
        await send(message | ({"body": b""} if message["type"] == "http.response.body" else {}))

    return only_head


_tasks: set[Any] = set()


async def _hang(receive: Any) -> None:
    """Until the caller gives up."""
    try:
        async with asyncio.timeout(CUT_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass


async def _nowhere(message: dict[str, Any]) -> None:
    """Where an answer goes that nobody gets."""


async def answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _sent(body: bytes) -> bytes:
    """SendMessage's answer."""
    digest = md5(json.loads(body)["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return json.dumps({"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": digest, "SequenceNumber": "1"}).encode()


async def body_of(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def replay(body: bytes, receive: Any) -> Any:
    """A `receive` that gives the body once, and then what really comes: the caller's end."""
    given = False

    async def again() -> dict[str, Any]:
        nonlocal given
        if given:
            return dict(await receive())
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _in_functions(lambda_svc: Any) -> None:
    original = lambda_svc._execute_function_dispatch

    def dispatch(function: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        with BOOK.runs(logical(config.get("FunctionName", ""))):
            return struck(function, config, event, request_id, started)

    def struck(function: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        rule = BOOK.strike("invocation", f"lambda:{BOOK.by_step(logical(config.get('FunctionName', '')))}")
        if rule is None:
            return original(function, config, event, request_id, started)
        if rule.kind == "throttled":
            return lambda_svc._throttle_response("ConcurrentInvocationLimitExceeded", "Rate Exceeded: on order")
        if rule.kind == "hold":
            BOOK.hold(rule.seconds)
            return original(function, config, event, request_id, started)
        if rule.kind == "lost":
            original(function, config, event, request_id, started)
        return answers.of_lambda(rule.kind)

    lambda_svc._execute_function_dispatch = dispatch


async def _control(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """`add` a rule, `clear` all rules, `release` what is held, `forget` the calls, `pass` seconds, `save` the
    emulator's state to its directory, `time_out` an execution, `bury` what is over.
    """
    if scope["method"] == "POST":
        order = json.loads(await body_of(receive))
        try:
            _obey(order)
        except (LookupError, ValueError, TypeError) as problem:
            return await answer(send, 400, {"Content-Type": "text/plain"}, repr(problem).encode())
    await _tell(send, BOOK.report())


async def _tell(send: Send, what: dict[str, Any]) -> None:
    await answer(send, 200, {"Content-Type": "application/json"}, json.dumps(what).encode())


def _obey(order: dict[str, Any]) -> None:
    op = order["op"]
    if op == "add":
        BOOK.add(order["rule"])
    elif op == "clear":
        BOOK.clear()
    elif op == "release":
        BOOK.released.set()
    elif op == "forget":
        BOOK.calls.clear()
        BOOK.held = 0
    elif op == "pass":
        pass_time(float(order["seconds"]))
    elif op == "bury":
        bury()
    elif op == "save":
        from ministack import app as gateway

        gateway.save_all(gateway._build_persistence_save_dict())
    elif op == "time_out":
        states_tasks.time_out_execution(order["execution"])
    else:
        raise ValueError(op)
