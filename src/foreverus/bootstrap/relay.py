"""A live GPU as a backend, for whoever answers programs."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from foreverus import ids
from foreverus.bootstrap import aws, shared
from foreverus.bootstrap.person_starts import PersonStartSettings, persons_starter

if TYPE_CHECKING:
    from foreverus.backends.port import Backend
    from foreverus.relay.line import Socket
    from foreverus.sessions.gpu_state import GpuState


class RelaySettings(PersonStartSettings, Protocol):
    """`websocket_url`: of our own API, where answers are heard."""

    @property
    def chat_queue_url(self) -> str: ...
    @property
    def engine_slots(self) -> int: ...
    @property
    def websocket_url(self) -> str: ...


class GpuBackends(Protocol):
    def __call__(self, user_id: str, credential: str, *, starts: bool, state: "GpuState | None" = None) -> "Backend":
        """For one request of a person. `credential`: the `Authorization` header that it came with. `starts`: it starts
        a session where no GPU is on. `state`: where somebody has just looked. For use in one event loop."""


def gpu_backends(env: RelaySettings, crowd: Callable[[], object] = lambda: None) -> GpuBackends:
    """`crowd`: told of each request that finds no free slot."""
    from foreverus.aws.sqs import ChatQueue
    from foreverus.relay.backend import GpuRelay
    from foreverus.relay.line import RelayLines
    from foreverus.relay.store import RequestStore
    from foreverus.sessions.records import Trigger
    from foreverus.sessions.store import SessionStore

    table = aws.items(env.table_name)
    sessions, starter = SessionStore(table), persons_starter(env)
    relay = GpuRelay(
        requests=RequestStore(table, aws.clock),
        queue=ChatQueue(aws.client("sqs"), env.chat_queue_url),
        sessions=sessions,
        look=shared.gpu_look(env.table_name, env.engine_slots),
        start=lambda user_id: starter.start(user_id, Trigger.MESSAGE),
        run_blocking=asyncio.to_thread,
        clock=aws.clock,
        crowd=crowd,
    )

    async def connect(credential: str) -> "Socket":
        from foreverus.relay.websocket import open_socket

        return await open_socket(env.websocket_url, credential)

    lines = RelayLines(connect, lambda: ids.new_id("line", aws.clock()))

    def backend(user_id: str, credential: str, *, starts: bool, state: "GpuState | None" = None) -> "Backend":
        return relay.backend(lines.of(credential), user_id, starts=starts, state=state)

    return backend
