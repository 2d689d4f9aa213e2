"""The socket itself, against a real WebSocket server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from foreverus.relay.line import Disconnected, LineRefused, RelayLines
from foreverus.relay.websocket import open_socket

Serving = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def api(serving: Serving) -> AsyncIterator[str]:
    """Lets in who comes with `Bearer good`."""

    def authorize(connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Authorization") == "Bearer good":
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "")

    async with serve(serving, "127.0.0.1", 0, process_request=authorize) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1"


async def echo(connection: ServerConnection) -> None:
    async for said in connection:
        await connection.send(said)


def test_text_goes_both_ways_as_large_as_a_frame_may_be() -> None:
    async def story() -> None:
        async with api(echo) as url:
            socket = await open_socket(url, "Bearer good")
            for text in ("{}", "ção \U0001f600", "x" * 128 * 1024):
                await socket.send(text)
                assert await socket.receive() == text
            await socket.close()
            with pytest.raises(Disconnected):
                await socket.send("{}")

    asyncio.run(story())


def test_a_refusal_has_its_status() -> None:
    async def story() -> None:
        async with api(echo) as url:
            with pytest.raises(LineRefused) as refused:
                await open_socket(url, "Bearer bad")
            assert refused.value.status == 401

    asyncio.run(story())


def test_where_nobody_listens_it_is_disconnected() -> None:
    async def story() -> None:
        async with api(echo) as url:
            pass
        with pytest.raises(Disconnected):
            await open_socket(url, "Bearer good")

    asyncio.run(story())


def test_a_line_over_a_real_socket_hears_its_frames_and_no_others() -> None:
    async def serving(connection: ServerConnection) -> None:
        asked = json.loads(await connection.recv())
        assert asked == {"action": "subscribe", "relay_id": "line_1"}
        await connection.send(json.dumps({"type": "subscribed", "relay_id": "line_1"}))
        frame = {"type": "request", "attempt": 1, "session_id": "ses_1", "offset": 0, "deltas": ["Hi"]}
        for other in ("not JSON", "[1]", '{"type": "request"}', json.dumps({**frame, "request_id": "req_2"})):
            await connection.send(other)
        await connection.send(json.dumps({**frame, "request_id": "req_1"}))
        await connection.wait_closed()

    async def story() -> None:
        async with api(serving) as url:
            lines = RelayLines(lambda credential: open_socket(url, credential), lambda: "line_1")
            line = lines.of("Bearer good")
            assert lines.of("Bearer good") is line
            with line.listening("req_1") as inbox:
                frame = await asyncio.wait_for(inbox.get(), 60)
            assert not isinstance(frame, Exception) and frame.deltas[0].text == "Hi" and inbox.empty()
            await line.close()
            assert line.is_closed

    asyncio.run(story())


def test_lines_that_are_closed_are_forgotten_with_their_credential() -> None:
    async def story() -> None:
        names = iter(("line_1", "line_2", "line_3"))
        async with api(echo) as url:
            lines = RelayLines(lambda credential: open_socket(url, credential), lambda: next(names))
            first = lines.of("Bearer a")
            lines.of("Bearer b")  # the first was never opened: it is gone
            assert lines.of("Bearer a") is not first

    asyncio.run(story())
