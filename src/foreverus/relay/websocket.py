"""A socket of our WebSocket API, by the `websockets` library. Imported where a GPU is first asked, which spares other
cold starts the library."""

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from foreverus.aws.push import MAX_FRAME_BYTES
from foreverus.relay.line import Disconnected, LineRefused, Socket


class WebSocket:
    def __init__(self, connection: ClientConnection):
        self.connection = connection

    async def send(self, text: str) -> None:
        try:
            await self.connection.send(text)
        except (WebSocketException, OSError) as err:
            raise Disconnected(repr(err)) from err

    async def receive(self) -> str:
        try:
            said = await self.connection.recv()
        except (WebSocketException, OSError) as err:
            raise Disconnected(repr(err)) from err
        return said if isinstance(said, str) else said.decode(errors="replace")

    async def close(self) -> None:
        await self.connection.close()


async def open_socket(url: str, credential: str) -> Socket:
    """`credential`: an `Authorization` header's value. Raises LineRefused, Disconnected. Who calls it sets a limit."""
    try:
        connection = await connect(
            url,
            additional_headers={"Authorization": credential},
            compression=None,  # API Gateway knows none
            ping_interval=None,  # its own pings look at no credentials: ours do
            open_timeout=None,
            close_timeout=1,
            max_size=2 * MAX_FRAME_BYTES,
            proxy=None,
        )
    except InvalidStatus as err:
        raise LineRefused(err.response.status_code) from err
    except (WebSocketException, OSError) as err:
        raise Disconnected(repr(err)) from err
    return WebSocket(connection)
