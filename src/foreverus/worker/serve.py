"""The serve loop: pulls from the queues what the engine has room for, and settles every message it took."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from foreverus.aws.sqs import MOST_AT_ONCE, Delivery, Queue
from foreverus.concurrency import first_of, stop
from foreverus.worker.chat import Verdict
from foreverus.worker.contact import Calls
from foreverus.worker.life import Life
from foreverus.worker.settings import Timings
from foreverus.worker.slots import Claim, Priority, Slots

log = logging.getLogger(__name__)

LATER_S = 5  # until a message that could not be worked on is seen again


class Place(Protocol):
    """What a message takes up while it is worked on."""

    def release(self) -> None:
        """Safe to call twice."""


C = TypeVar("C", bound=Place)
C_co = TypeVar("C_co", bound=Place, covariant=True)
Handler = Callable[[Delivery, C], Awaitable[Verdict]]


class Room(Protocol[C_co]):
    """How much may be taken from a queue."""

    async def room(self) -> int:
        """Waits until there is room; returns for how many messages, at least one."""

    def claim(self) -> C_co:
        """A message is taken."""


class ChatRoom:
    """A slot of the engine for each message."""

    def __init__(self, slots: Slots):
        self.slots = slots

    async def room(self) -> int:
        return await self.slots.wait_until_free_for_chat()

    def claim(self) -> Claim:
        return self.slots.claim(Priority.CHAT)


@dataclass
class Activity:
    """What idleness is judged by. `last`: when something was last taken or finished, on the loop's clock."""

    last: float
    in_hand: int = 0


class Consumer(Generic[C]):
    """Pulls one queue, as far as there is `room`. `handlers` by the body's `kind`; a body without one is a chat
    request. A handler gets the claim that its message has on the room."""

    def __init__(
        self,
        queue: Queue,
        room: Room[C],
        handlers: Mapping[str, Handler[C]],
        life: Life,
        activity: Activity,
        calls: Calls,
        receive_calls: Calls,
        visibility_s: int,
        timings: Timings,
    ):
        self.queue = queue
        self.room = room
        self.handlers = handlers
        self.life = life
        self.activity = activity
        self.calls = calls
        self.receive_calls = receive_calls
        self.visibility_s = visibility_s
        self.timings = timings
        # By body: a message that is delivered again while it is worked on is not worked on twice.
        self.in_hand: dict[str, list[Delivery]] = {}
        self.empty_rounds = 0  # receives in a row that found nothing

    async def run(self) -> None:
        """Receives until the session stops; returns when everything taken is settled."""
        async with asyncio.TaskGroup() as work:
            keeping = work.create_task(self._keep_hidden())
            async with asyncio.TaskGroup() as messages:
                while not self.life.stopping.is_set():
                    for delivery in await self._receive():
                        messages.create_task(self._work_on(delivery, self.room.claim()))
            keeping.cancel()

    async def _receive(self) -> list[Delivery]:
        free = await self._room()
        if not free:
            return []
        try:
            count = min(free, MOST_AT_ONCE)
            received = await self.receive_calls(self.queue.receive, count, self.timings.receive_wait)
        except Exception as err:
            log.warning("receive: %r", err)
            await asyncio.sleep(self.timings.receive_retry)
            return []
        self.empty_rounds = 0 if received else self.empty_rounds + 1
        return [delivery for delivery in received if self._is_new(delivery)]

    def _is_new(self, delivery: Delivery) -> bool:
        deliveries = self.in_hand.setdefault(delivery.body, [])
        deliveries.append(delivery)
        if len(deliveries) > 1:
            log.warning("delivered again while it is worked on: %s", delivery.body)
            return False
        self.activity.in_hand += 1
        return True

    async def _room(self) -> int:
        """How many messages there is room for; 0 when the session stops first."""
        waiting = asyncio.ensure_future(self.room.room())
        stopping = asyncio.ensure_future(self.life.stopping.wait())
        try:
            await first_of(waiting, stopping)
            return waiting.result() if waiting.done() and not self.life.stopping.is_set() else 0
        finally:
            await stop(waiting, stopping)

    async def _work_on(self, delivery: Delivery, claim: C) -> None:
        loop = asyncio.get_running_loop()
        self.activity.last = loop.time()
        try:
            verdict = await self._handle(delivery, claim)
            for one in self.in_hand.pop(delivery.body):  # first, so that nobody hides again what is given back
                await self._settle(one, verdict)
        finally:
            claim.release()
            self.activity.in_hand -= 1
            self.activity.last = loop.time()

    async def _handle(self, delivery: Delivery, claim: C) -> Verdict:
        if self.life.stopping.is_set():
            return Verdict.HAND_BACK
        handler = self.handlers.get(kind_of(delivery.body))
        if handler is None:
            log.error("a message of a kind that this worker does not know: %s", kind_of(delivery.body)[:40])
            return Verdict.LATER
        try:
            return await handler(delivery, claim)
        except Exception:
            log.exception("a message could not be worked on")
            return Verdict.LATER

    async def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """A message that cannot be settled is seen again when its visibility runs out: nothing is lost."""
        try:
            if verdict is Verdict.DONE:
                await self.calls(self.queue.delete, delivery)
            else:
                back_in = 0 if verdict is Verdict.HAND_BACK or self.life.hand_back.is_set() else LATER_S
                await self.calls(self.queue.hide, [delivery], back_in)
        except Exception as err:
            log.warning("settling a message (%s): %r", verdict.value, err)

    async def _keep_hidden(self) -> None:
        while True:
            await asyncio.sleep(self.visibility_s / 3)
            held = [delivery for deliveries in self.in_hand.values() for delivery in deliveries]
            if held:
                try:
                    await self.calls(self.queue.hide, held, self.visibility_s)
                except Exception as err:
                    log.warning("extending visibility: %r", err)


def kind_of(body: str) -> str:
    """The `kind` in a message's body.

    >>> kind_of('{"kind": "shard"}'), kind_of('{"message_id": "msg_1"}'), kind_of("{")
    ('shard', 'chat', 'chat')
    """
    try:
        return str(json.loads(body).get("kind", "chat"))
    except (ValueError, AttributeError):
        return "chat"
