"""Pulls from a queue what the engine has room for, and deletes or gives back every message that it took."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

from foreverus import tracing
from foreverus.aws.sqs import MOST_AT_ONCE, Delivery, Queue
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.worker.settings import Timings
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.slots import Claim, Priority, Slots

log = logging.getLogger(__name__)

RETRY_LATER_S = 5  # until a message that could not be worked on is seen again


class MessageOutcome(Enum):
    """What becomes of a message in its queue."""

    DONE = "done"  # answered, or nothing to answer: delete it
    HAND_BACK = "hand back"  # somebody else shall continue, at once
    RETRY_LATER = "retry later"


class Reservation(Protocol):
    """What a message takes up while it is worked on."""

    def release(self) -> None:
        """Safe to call twice."""


R = TypeVar("R", bound=Reservation)
R_co = TypeVar("R_co", bound=Reservation, covariant=True)
Handler = Callable[[Delivery, R], Awaitable[MessageOutcome]]


class Capacity(Protocol[R_co]):
    """How much may be taken from a queue."""

    async def wait_until_free(self) -> int:
        """Waits until something may be taken; returns how many messages, at least one."""

    def reserve(self) -> R_co:
        """A message is taken."""


class ChatCapacity:
    """A slot of the engine for each message."""

    def __init__(self, slots: Slots):
        self.slots = slots

    async def wait_until_free(self) -> int:
        return await self.slots.wait_until_free_for_chat()

    def reserve(self) -> Claim:
        return self.slots.claim(Priority.CHAT)


@dataclass
class Activity:
    """What idleness is judged by. `last`: when something was last taken or finished, on the loop's clock. `busy_s`: how
    long something was in hand, until `last`."""

    last: float
    in_hand: int = 0
    busy_s: float = 0.0

    def take(self, now: float) -> None:
        self._pass(now)
        self.in_hand += 1

    def done(self, now: float) -> None:
        self._pass(now)
        self.in_hand -= 1

    def _pass(self, now: float) -> None:
        if self.in_hand:
            self.busy_s += now - self.last
        self.last = now


@dataclass(kw_only=True)
class Consumer(Generic[R]):
    """Pulls one queue, as far as there is `capacity`. `handlers` by the body's `kind`; a body without one is a chat
    request. A handler gets what its message has reserved."""

    queue: Queue
    capacity: Capacity[R]
    handlers: Mapping[str, Handler[R]]
    shutdown: Shutdown
    activity: Activity
    run_blocking: RunBlocking
    run_receive: RunBlocking
    visibility_s: int
    timings: Timings
    ready_at: float = 0.0  # since when there is an engine to answer, in seconds of the epoch
    # By body: a message that is delivered again while it is worked on is not worked on twice.
    in_hand: dict[str, list[Delivery]] = field(default_factory=dict, init=False)
    empty_rounds: int = field(default=0, init=False)  # receives in a row that found nothing

    async def run(self) -> None:
        """Receives until the session stops; returns when everything taken is settled."""
        async with asyncio.TaskGroup() as work:
            keeping = work.create_task(self._keep_hidden())
            async with asyncio.TaskGroup() as messages:
                while not self.shutdown.stopping.is_set():
                    for delivery in await self._receive():
                        messages.create_task(self._work_on(delivery, self.capacity.reserve()))
            keeping.cancel()

    async def _receive(self) -> list[Delivery]:
        free = await self._wait_until_free()
        if not free:
            return []
        try:
            count = min(free, MOST_AT_ONCE)
            received = await self.run_receive(self.queue.receive, count, self.timings.receive_wait)
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
        self.activity.take(asyncio.get_running_loop().time())
        return True

    async def _wait_until_free(self) -> int:
        """How many messages may be taken; 0 when the session stops first."""
        waiting = asyncio.ensure_future(self.capacity.wait_until_free())
        stopping = asyncio.ensure_future(self.shutdown.stopping.wait())
        try:
            await first_of(waiting, stopping)
            return waiting.result() if waiting.done() and not self.shutdown.stopping.is_set() else 0
        finally:
            await stop(waiting, stopping)

    async def _work_on(self, delivery: Delivery, reservation: R) -> None:
        try:
            outcome = await self._handle(delivery, reservation)
            for one in self.in_hand.pop(delivery.body):  # first, so that nobody hides again what is given back
                await self._settle(one, outcome)
        finally:
            reservation.release()
            self.activity.done(asyncio.get_running_loop().time())

    async def _handle(self, delivery: Delivery, reservation: R) -> MessageOutcome:
        if self.shutdown.stopping.is_set():
            return MessageOutcome.HAND_BACK
        handler = self.handlers.get(kind_of(delivery.body))
        if handler is None:
            log.error("a message of a kind that this worker does not know: %s", kind_of(delivery.body)[:40])
            return MessageOutcome.RETRY_LATER
        try:
            with tracing.joined(delivery.trace), tracing.step(kind_of(delivery.body), backend="gpu") as step:
                self._note_waits(delivery, step)
                return await handler(delivery, reservation)
        except Exception:
            log.exception("a message could not be worked on")
            return MessageOutcome.RETRY_LATER

    def _note_waits(self, delivery: Delivery, step: tracing.Span) -> None:
        """Why it was not worked on at once: there was no engine yet, or none had room."""
        if 0 < delivery.sent_at < self.ready_at:
            step.waited("boot wait", delivery.sent_at, self.ready_at)
        if delivery.sent_at:
            step.waited("queue wait", max(delivery.sent_at, self.ready_at))

    async def _settle(self, delivery: Delivery, outcome: MessageOutcome) -> None:
        """A message that cannot be settled is seen again when its visibility runs out: nothing is lost."""
        try:
            if outcome is MessageOutcome.DONE:
                await self.run_blocking(self.queue.delete, delivery)
            else:
                back_in = (
                    0 if outcome is MessageOutcome.HAND_BACK or self.shutdown.hand_back.is_set() else RETRY_LATER_S
                )
                await self.run_blocking(self.queue.hide, [delivery], back_in)
        except Exception as err:
            log.warning("settling a message (%s): %r", outcome.value, err)

    async def _keep_hidden(self) -> None:
        while True:
            await asyncio.sleep(self.visibility_s / 3)
            held = [delivery for deliveries in self.in_hand.values() for delivery in deliveries]
            if held:
                try:
                    await self.run_blocking(self.queue.hide, held, self.visibility_s)
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
