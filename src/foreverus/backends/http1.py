"""One POST on a connection of its own, for answers that come in one piece.

Hundreds of them run side by side on the core that also streams chats, so each must be cheap. CPU of one call on a
laptop, with 256 in flight: httpx 2.4 ms, httpx with kept-alive connections 11.9 ms (its pool looks at every connection
for every request), this 0.5 ms. Connections are not kept: a new one costs 0.1 ms on loopback, llama.cpp closes a kept
one after 100 requests or 5 seconds without a word, and until then it holds one of the few threads that answer others.
"""

import asyncio
from dataclasses import dataclass

import h11

from foreverus.errors import EngineFailed

MAX_RESPONSE_BYTES = 64 << 20  # an answer of a full context is under 1 MiB
READ_BYTES = 64 << 10


@dataclass(frozen=True)
class Http1:
    """Plain HTTP/1.1 to an engine beside us. `base` is the path before every path, without a slash at its end."""

    host: str
    port: int
    base: str
    connect_timeout_s: float

    async def post(self, path: str, body: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Status and body of the response. `timeout_s`: for the whole of it. Raises EngineFailed."""
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                reader, writer = await asyncio.open_connection(self.host, self.port)
        except (OSError, TimeoutError) as err:
            raise EngineFailed(f"The engine did not answer: {type(err).__name__}") from err
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(reader, writer, path, body)
        except TimeoutError as err:
            raise EngineFailed(f"The engine did not answer within {timeout_s:.0f} s.") from err
        except (OSError, h11.RemoteProtocolError) as err:
            raise EngineFailed(f"The engine's answer broke: {type(err).__name__}") from err
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes
    ) -> tuple[int, bytes]:
        connection = h11.Connection(h11.CLIENT)
        headers = [
            ("Host", f"{self.host}:{self.port}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        request = h11.Request(method="POST", target=self.base + path, headers=headers)
        writer.write(b"".join(connection.send(e) or b"" for e in (request, h11.Data(data=body), h11.EndOfMessage())))
        status, received = 0, bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                received += event.data
                if len(received) > MAX_RESPONSE_BYTES:
                    raise EngineFailed(f"The engine's answer has more than {MAX_RESPONSE_BYTES} bytes.")
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(received)
