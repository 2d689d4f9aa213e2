"""A line: one WebSocket to our own API, on which the answers to a person's requests come.

It is opened with what the person's own request came with, so whoever runs this can listen to nothing that its owner may
not, and needs no permission for it. One serves all requests of the same credential, and stays open a while after them:
the next one waits for no handshake. A line that breaks is opened again; the worker then sends what it has from its
beginning, and who listens knows how much of it they have.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from foreverus.concurrency import first_of, stop
from foreverus.errors import BackendUnavailable, ForeverUsError, LimitReached, NotAuthenticated
from foreverus.relay.codec import frame_from_json
from foreverus.relay.records import RequestFrame

log = logging.getLogger(__name__)

OPEN_S = 10.0  # for the handshake and the subscription: three cold Lambdas at most
PING_S = 40.0  # what a look at credentials counts is 50 s
LOOK_S = 15.0  # a line that was not used for so long is tried before it is trusted, and its credentials looked at
PONG_S = 5.0
IDLE_S = 120.0  # after its last request; who pushes nothing meanwhile costs nothing
TRIES = 4  # in a row that opened no line


class Disconnected(ForeverUsError):
    """The socket is closed, or could not be opened."""


class LineRefused(ForeverUsError):
    """The handshake was answered with this HTTP status."""

    def __init__(self, status: int):
        super().__init__(f"The WebSocket API answered {status}.")
        self.status = status


class Socket(Protocol):
    async def send(self, text: str) -> None:
        """Raises Disconnected."""

    async def receive(self) -> str:
        """The next text frame. Raises Disconnected."""

    async def close(self) -> None: ...


Connect = Callable[[str], Awaitable[Socket]]  # with a credential; raises LineRefused, Disconnected
Inbox = asyncio.Queue[RequestFrame | Exception]


class RelayLine:
    """`credential`: an `Authorization` header's value."""

    def __init__(self, relay_id: str, credential: str, connect: Connect):
        self.relay_id = relay_id
        self._credential = credential
        self._connect = connect
        self._inboxes: dict[str, Inbox] = {}
        self._running: asyncio.Task[None] | None = None
        self._used = asyncio.Event()
        self._idle_since = 0.0
        self._pong = asyncio.Event()
        self._pong_at = float("-inf")
        self._opened_at = float("-inf")
        self._anew = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        return not self._inboxes

    @property
    def is_closed(self) -> bool:
        return self.is_idle and (self._running is None or self._running.done())

    @contextmanager
    def listening(self, request_id: str) -> Iterator[Inbox]:
        """What comes of one request, from now on; an exception is the last thing that comes. Returns before the line is
        open: what is sent meanwhile comes then."""
        inbox = self._inboxes[request_id] = asyncio.Queue()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        self._used.set()
        try:
            yield inbox
        finally:
            del self._inboxes[request_id]
            self._idle_since = _now()

    def renew(self, after_s: float) -> None:
        """Opens it anew, unless it was opened within that time: others may have asked for it. For who was not heard on
        it: whoever pushes leaves out, for a while, a socket that took a frame too slowly (aws/push.py)."""
        if _now() - self._opened_at > after_s:
            self._anew.set()

    async def close(self) -> None:
        if self._running:
            await stop(self._running)

    async def _run(self) -> None:
        failures = 0
        while failures < TRIES:
            try:
                socket = await self._open()
            except LineRefused as err:
                return self._fail(_why_refused(err))
            except (Disconnected, TimeoutError) as err:
                log.warning("a line could not be opened: %r", err)
                failures += 1
                await asyncio.sleep(0.1 * 2**failures)
                continue
            failures = 0
            try:
                await self._serve(socket)
            except Disconnected as err:
                log.info("a line broke: %s", err)
            finally:
                with suppress(Disconnected):
                    await socket.close()
            if self.is_idle:  # looked at last: somebody may have come while it was closed
                return
        self._fail(BackendUnavailable("Nobody could listen to the GPU's answer just now."))

    async def _open(self) -> Socket:
        self._anew.clear()
        async with asyncio.timeout(OPEN_S):
            socket = await self._connect(self._credential)
            await socket.send(json.dumps({"action": "subscribe", "relay_id": self.relay_id}))
            while (said := _read(await socket.receive())).get("type") != "subscribed":
                if said.get("type") == "error":
                    await socket.close()
                    raise Disconnected(f"The subscription was refused: {said.get('error')}")
        self._opened_at = self._pong_at = _now()
        return socket

    async def _serve(self, socket: Socket) -> None:
        """Returns when nobody has listened for long, or nobody may any more, or it is to be another socket. Raises
        Disconnected."""
        tasks = [asyncio.create_task(one) for one in (self._hear(socket), self._keep(socket), self._anew.wait())]
        try:
            await first_of(*tasks)
        finally:
            ended = [one for one in tasks if one.done()]
            await stop(*tasks)
        for one in ended:
            one.result()

    async def _hear(self, socket: Socket) -> None:
        while True:
            said = _read(await socket.receive())
            kind = said.get("type")
            if kind == "request":
                self._deliver(said)
            elif kind == "pong":
                self._pong_at = _now()
                self._pong.set()
            elif kind == "ping":
                await socket.send(json.dumps({"action": "ping"}))
            elif kind == "error" and (said.get("error") or {}).get("code") == "credential_ended":
                return self._fail(_ended())

    def _deliver(self, said: Mapping[str, Any]) -> None:
        inbox = self._inboxes.get(str(said.get("request_id")))
        if inbox is None:
            return
        try:
            inbox.put_nowait(frame_from_json(said))
        except (LookupError, TypeError, ValueError, AttributeError) as err:
            log.warning("a frame that cannot be read: %r", err)

    async def _keep(self, socket: Socket) -> None:
        """Pings, so that the line stays good: at its time, and when one that was not used for a while is used again."""
        while True:
            self._used.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._pong_at + PING_S - _now())):
                    await self._used.wait()
            if self.is_idle and _now() - self._idle_since >= IDLE_S:
                return
            if _now() - self._pong_at < LOOK_S:
                continue
            self._pong.clear()
            await socket.send(json.dumps({"action": "ping"}))
            try:
                async with asyncio.timeout(PONG_S):
                    await self._pong.wait()
            except TimeoutError:
                raise Disconnected("No pong came.") from None

    def _fail(self, error: Exception) -> None:
        for inbox in self._inboxes.values():
            inbox.put_nowait(error)


class RelayLines:
    """Each person's line by what they came with. Those that nobody uses close by themselves."""

    def __init__(self, connect: Connect, new_id: Callable[[], str]):
        self._connect = connect
        self._new_id = new_id
        self._lines: dict[str, RelayLine] = {}

    def of(self, credential: str) -> RelayLine:
        digest = hashlib.sha256(credential.encode()).hexdigest()
        line = self._lines.get(digest)
        if line is None:
            self._forget()
            line = self._lines[digest] = RelayLine(self._new_id(), credential, self._connect)
        return line

    def _forget(self) -> None:
        """Those that are closed, so that no credential stays here for ever."""
        for digest in [digest for digest, line in self._lines.items() if line.is_closed]:
            del self._lines[digest]


def _read(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _now() -> float:
    return asyncio.get_running_loop().time()


def _ended() -> NotAuthenticated:
    return NotAuthenticated("Your API key or token ended before the answer did.", code="credential_ended")


def _why_refused(err: LineRefused) -> Exception:
    if err.status in (401, 403):
        return _ended()
    if err.status == 429:
        message = "You have too many open connections, or too many were opened just now. Try again in a few seconds."
        return LimitReached(message, "too_many_connections", 5)
    return BackendUnavailable(str(err))
