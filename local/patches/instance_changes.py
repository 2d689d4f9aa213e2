"""The hypervisor's side of EC2: it hears of a launch and of a termination.

AWS: the machine room acts on a call at once, without asking for all instances again and again.
Emulator: whoever stands in for the machine room can only ask DescribeInstances, and each answer costs the emulator and
the asker several milliseconds of a laptop's two cores.

Patch: `GET /_foreverus/instance-changes?since=<number>` answers `{"change": <number>}` as soon as a call that launches
or ends instances has been carried out after that number, and after a second in any case. It says that something has
happened and not what: the truth is DescribeInstances'.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from local.patches import Options

PATH = "/_foreverus/instance-changes"
WAIT_S = 1.0
ACTIONS = ("RunInstances", "CreateFleet", "StartInstances", "StopInstances", "TerminateInstances")

_numbers = itertools.count(time.time_ns())  # never an earlier process's
_change = next(_numbers)
_waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()


def apply(options: Options) -> None:
    from ministack import app as gateway
    from ministack.services import ec2

    for action in ACTIONS:
        ec2._ACTION_MAP[action] = _noted(ec2._ACTION_MAP[action])
    emulator = gateway.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await emulator(scope, receive, send)
            return
        since = int(parse_qs(scope["query_string"].decode()).get("since", ["0"])[0])
        await _after(since)
        body = json.dumps({"change": _change}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    gateway.app = app


async def _after(since: int) -> None:
    one = (asyncio.get_running_loop(), asyncio.Event())
    _waiting.add(one)  # before the look: a change in between wakes us
    try:
        if _change == since:
            async with asyncio.timeout(WAIT_S):
                await one[1].wait()
    except TimeoutError:
        pass
    finally:
        _waiting.discard(one)


def _noted(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Counts when the call is over: whoever looks then sees all of it."""

    def action(parameters: Any) -> Any:
        global _change
        try:
            return original(parameters)
        finally:
            _change = next(_numbers)
            for loop, event in list(_waiting):
                loop.call_soon_threadsafe(event.set)  # executions of state machines call from threads of their own

    return action
