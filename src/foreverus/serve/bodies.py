"""Request bodies: read to their end within bounds of size, time and memory, and given on to the next application."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from foreverus.serve.gateway import MOST_BODY_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class BodyTooLarge(Exception):
    """Longer than MOST_BODY_BYTES; the rest of it was not read."""


class BodiesFull(Exception):
    """The bodies of all requests together take more memory than they may."""


class BodyTooSlow(Exception):
    """It did not come in time."""


class ClientLeft(Exception):
    """Nobody waits for an answer."""


class Incoming:
    """What comes of one request, as ASGI gives it; `is_read`: its body has ended."""

    def __init__(self, receive: Receive):
        self.is_read = False
        self._receive = receive

    async def __call__(self) -> Message:
        message = await self._receive()
        self.is_read = self.is_read or not message.get("more_body", False)
        return message

    def again(self, body: bytes) -> Receive:
        """For the next application: the body that was read, then whatever else comes, which is that the client
        leaves."""
        given = False

        async def one() -> Message:
            nonlocal given
            if given:
                return await self()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return one


@dataclass
class Bodies:
    """`most_bytes`: of all bodies that are held at once. `seconds`: for one of them to come."""

    most_bytes: int
    seconds: float
    held: int = 0

    async def read(self, incoming: "Incoming", keep: bool = True) -> bytes:
        """To its end, or what is left of it. `keep` False: it is thrown away. Whoever keeps one calls `done` with it.
        Raises BodyTooLarge, BodiesFull, BodyTooSlow, ClientLeft."""
        taken = bytearray()
        try:
            async with asyncio.timeout(self.seconds):
                await self._take(incoming, taken, keep)
        except BaseException as err:
            self.held -= len(taken)
            if isinstance(err, TimeoutError):
                incoming.is_read = True  # nobody waits for the rest of it
                raise BodyTooSlow from err
            raise
        return bytes(taken)

    def done(self, body: bytes) -> None:
        self.held -= len(body)

    async def _take(self, incoming: "Incoming", taken: bytearray, keep: bool) -> None:
        size = 0
        while not incoming.is_read:
            message = await incoming()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            part = message.get("body", b"")
            size += len(part)
            if size > MOST_BODY_BYTES:
                raise BodyTooLarge
            if keep:
                taken += part
                self.held += len(part)
                if self.held > self.most_bytes:
                    raise BodiesFull
