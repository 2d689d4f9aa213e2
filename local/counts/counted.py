"""Puts the book into the emulator: calls over HTTP and invocations of functions. And one thing that AWS does and the
emulator does not: while a transaction has an item, others that would write it are refused (TransactionConflict).

`POST /_foreverus/counts` on loopback takes `{"op": "forget"}` and `{"op": "busy", "seconds": …}`: how long a
transaction has its items. GET answers with what was counted.
"""

import asyncio
import json
import threading
from collections import Counter
from typing import Any

from local.counts.book import Book, Key, kind, reads_of, writes_of
from local.faults.inject import action_of, answer, body_of, caller_of, replay
from local.faults.names import logical

PATH = "/_foreverus/counts"


class Counted:
    def __init__(self, emulator: Any) -> None:
        self.emulator = emulator
        self.book = Book()
        self.busy_s = 0.0
        self.busy: Counter[Key] = Counter()
        self.lock = threading.Lock()  # functions run in threads

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or "/_ministack/" in scope["path"]:
            return await self.emulator(scope, receive, send)
        if scope["path"] == PATH:
            return await self._control(scope, receive, send)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        caller, _ = caller_of(headers)
        if not caller:
            return await self.emulator(scope, receive, send)
        body = await body_of(receive)
        again = replay(body, receive)
        target = headers.get("x-amz-target", "")
        if target.startswith("DynamoDB_"):
            return await self._dynamo(caller, target.partition(".")[2], body, (scope, again, send))
        action = action_of(scope["method"], scope["path"], headers, {}, body)
        seen = _Seen(send)
        await self.emulator(scope, again, seen)
        with self.lock:
            self.book.called(caller, f"{action} {scope['method']}", "ok" if seen.status < 400 else str(seen.status))

    async def _dynamo(self, caller: str, operation: str, body: bytes, call: tuple[Any, Any, Any]) -> None:
        scope, again, send = call
        asked = json.loads(body)
        writes = writes_of(operation, asked)
        taken = [key for _, key, _ in writes if self.busy[key]]
        if taken and self.busy_s:
            with self.lock:
                self.book.conflicts.update(map(kind, taken))
                self.book.called(caller, operation, "TransactionConflict")
            return await answer(send, *_conflict(operation, [bool(self.busy[key]) for _, key, _ in writes]))
        seen = _Seen(send, held=True)
        with self._having([key for _, key, _ in writes] if operation == "TransactWriteItems" else []):
            await self.emulator(scope, again, seen)
            if operation == "TransactWriteItems":
                await asyncio.sleep(self.busy_s)
        with self.lock:
            self.book.called(caller, operation, seen.outcome())
            if seen.status < 400:
                self.book.wrote(writes)
                if what := reads_of(operation, asked):
                    self.book.read(what, seen.size)
        await seen.release()

    def _having(self, keys: list[Key]) -> "_Having":
        return _Having(self.busy, keys)

    async def _control(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            order = json.loads(await body_of(receive))
            if order["op"] == "forget":
                with self.lock:
                    self.book.forget()
            else:
                self.busy_s = float(order["seconds"])
        with self.lock:
            report = self.book.report()
        await answer(send, 200, {"Content-Type": "application/json"}, json.dumps(report).encode())


class _Having:
    """A transaction has these items."""

    def __init__(self, busy: Counter[Key], keys: list[Key]) -> None:
        self.busy, self.keys = busy, keys

    def __enter__(self) -> None:
        self.busy.update(self.keys)

    def __exit__(self, *_: object) -> None:
        self.busy.subtract(self.keys)
        for key in self.keys:
            if not self.busy[key]:
                del self.busy[key]


class _Seen:
    """Passes an answer on, and keeps what it was. `held`: passed on when it is released."""

    def __init__(self, send: Any, held: bool = False) -> None:
        self.send, self.held = send, held
        self.status, self.size = 200, 0
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.size += len(message.get("body", b""))
        if self.held:
            self.messages.append(message)
        else:
            await self.send(message)

    async def release(self) -> None:
        for message in self.messages:
            await self.send(message)

    def outcome(self) -> str:
        """`ok`, or DynamoDB's name of the error."""
        if self.status < 400:
            return "ok"
        body = b"".join(one.get("body", b"") for one in self.messages)
        try:
            return str(json.loads(body).get("__type", self.status)).rpartition("#")[2]
        except ValueError:
            return str(self.status)


def _conflict(operation: str, taken: list[bool]) -> tuple[int, dict[str, str], bytes]:
    name, more = "TransactionConflictException", {}
    if operation == "TransactWriteItems":
        name = "TransactionCanceledException"
        codes = ["TransactionConflict" if one else "None" for one in taken]
        more = {"CancellationReasons": [{"Code": code} for code in codes]}
    said = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "Transaction is ongoing for the item"}
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": name}
    return 400, headers, json.dumps({**said, **more}).encode()


def apply() -> None:
    from ministack import app as gateway
    from ministack.services import lambda_svc

    gateway.app = counted = Counted(gateway.app)
    original = lambda_svc._execute_function_dispatch

    def dispatch(function: Any, config: Any, *rest: Any) -> Any:
        name = logical(config.get("FunctionName", ""))
        with counted.lock:
            counted.book.begins(name)
        try:
            return original(function, config, *rest)
        finally:
            with counted.lock:
                counted.book.ends(name)

    lambda_svc._execute_function_dispatch = dispatch
