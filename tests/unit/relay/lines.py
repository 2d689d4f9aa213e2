"""A WebSocket API in memory, a worker beside it, and who asks over them: on a clock that jumps."""

import asyncio
import json
from collections import deque
from typing import Any

from foreverus.aws.keys import relay_topic
from foreverus.aws.push import MemoryPush, Subscriber
from foreverus.aws.sqs import RequestIds
from foreverus.relay.backend import GpuBackend, GpuRelay
from foreverus.relay.line import Disconnected, LineRefused, RelayLine
from foreverus.sessions.gpu_state import GpuState
from foreverus.sessions.records import Session, SessionStatus
from tests.unit.worker.harness import World

HEALTHY = GpuState(slots=4, waiting=0, is_booting=False, boot_seconds=0)
BOOTING = GpuState(slots=0, waiting=0, is_booting=True, boot_seconds=90)
FULL = GpuState(slots=4, waiting=4, is_booting=False, boot_seconds=0)
NONE = GpuState(slots=0, waiting=0, is_booting=False, boot_seconds=150)


class MemorySocket:
    def __init__(self, api: "SocketApi", connection_id: str, user_id: str):
        self.api, self.connection_id, self.user_id = api, connection_id, user_id
        self.coming: asyncio.Queue[str | None] = asyncio.Queue()
        self.topics: set[str] = set()
        self.pings = 0

    async def send(self, text: str) -> None:
        await asyncio.sleep(0.02)
        if self.connection_id in self.api.gone:
            raise Disconnected("gone")
        asked = json.loads(text)
        if asked["action"] == "subscribe":
            topic = relay_topic(self.user_id, asked["relay_id"])
            self.topics.add(topic)
            self.api.subscribe(topic, self.connection_id)
            self.say(type="subscribed", relay_id=asked["relay_id"])
        elif self.api.answers_pings:
            self.pings += 1
            self.api.stale.discard(self.connection_id)
            self.say(type="pong")

    def say(self, **frame: Any) -> None:
        self.coming.put_nowait(json.dumps(frame))

    async def receive(self) -> str:
        said = await self.coming.get()
        if said is None:
            raise Disconnected("broken")
        return said

    async def close(self) -> None:
        self.cut()

    def cut(self) -> None:
        self.api.gone.add(self.connection_id)
        self.coming.put_nowait(None)


class SocketApi(MemoryPush):
    """Whom a worker pushes to hears it. `lose_next`: so many frames are taken and do not arrive. `deaf`: connections
    that are left out, as one is for a while that took a frame too slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: dict[str, MemorySocket] = {}
        self.lose_next = 0
        self.deaf: set[str] = set()
        self.answers_pings = True
        self.refusals: deque[Exception] = deque()
        self.credentials: list[str] = []

    async def connect(self, credential: str) -> MemorySocket:
        await asyncio.sleep(0.1)  # the authorizer, and what keeps the connection
        self.credentials.append(credential)
        if self.refusals:
            raise self.refusals.popleft()
        if not credential.startswith("Bearer "):
            raise LineRefused(401)
        name = f"c{len(self.sockets)}"
        socket = self.sockets[name] = MemorySocket(self, name, credential.removeprefix("Bearer "))
        return socket

    def subscribers(self, topic: str) -> list[Subscriber]:
        return [one for one in super().subscribers(topic) if one.connection_id not in self.deaf]

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        if not super().post(topic, connection_id, data):
            return False
        if self.lose_next and b'"deltas":[]' not in data:
            self.lose_next -= 1
        else:
            self.sockets[connection_id].coming.put_nowait(data.decode())
        return True

    @property
    def open_sockets(self) -> list[MemorySocket]:
        return [one for name, one in self.sockets.items() if name not in self.gone]


class Scene:
    """`states`: what the next looks find; the last one stays."""

    def __init__(self, **changes: Any):
        self.api = SocketApi()
        self.world = World(**changes)
        self.world.push = self.world.ports.push = self.api
        self.states = [HEALTHY]
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.session = Session(session_id="ses_1", status=SessionStatus.SERVING)
        self.relay = GpuRelay(
            requests=self.world.requests,
            queue=self,
            sessions=self,
            look=lambda: self.states.pop(0) if len(self.states) > 1 else self.states[0],
            start=self.started.append,
            run_blocking=self.world.network,
            clock=self.world.ports.clock,
        )
        self.line = self.line_of("ana")

    @classmethod
    def writing(cls, words: list[str], seconds_per_token: float) -> "Scene":
        """The engine answers every prompt with these words."""
        scene = cls()
        scene.world.engine.reply = lambda prompt: words
        scene.world.engine.seconds_per_token = seconds_per_token
        return scene

    def line_of(self, user_id: str) -> RelayLine:
        return RelayLine(f"line_{user_id}", f"Bearer {user_id}", self.api.connect)

    def backend(self, starts: bool = False, line: RelayLine | None = None, user_id: str = "ana") -> GpuBackend:
        return self.relay.backend(line or self.line, user_id, starts=starts)

    def send_request(self, request: RequestIds) -> None:
        names = ("request_id", "user_id", "relay_id")
        body = {"kind": "request", **{name: getattr(request, name) for name in names}}
        self.world.chat.put(json.dumps(body))

    def get(self, session_id: str) -> Session | None:
        return self.session if session_id == "ses_1" else None

    def request_stop(self, session_id: str, work_id: str) -> bool:
        self.stopped.append(work_id)
        self.world.mailbox.change(stops=self.world.mailbox.snapshot.stops | {work_id})
        return True

    @property
    def nothing_is_left(self) -> bool:
        return not self.world.requests.kept and self.world.chat.is_empty and self.world.engine.running == 0
