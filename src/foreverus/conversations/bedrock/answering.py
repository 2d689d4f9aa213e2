"""One call of the answering function: what waits for Bedrock in a conversation is answered, oldest first.

The conversation's lease lets one call work at a time. Who finds it taken does nothing: its holder looks for more before
it gives it back and once more after it. A call that has too little time for the longest answer hands over to a new one.

A message may be what kills its call. So the next call, to which the lease tells that the one before came to no end,
counts that for the message that was in hand, before it reads it.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from foreverus.api.responses import Body
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.conversations.bedrock.asking import CALL_S
from foreverus.conversations.bedrock.writing import AnswerWriter, Beside, Written
from foreverus.conversations.lease import ConversationLease, Taken
from foreverus.errors import ForeverUsError
from foreverus.sessions.pending import PendingMessage, PendingWork

log = logging.getLogger(__name__)

RENEW_S = 8.0  # of LEASE


class AnsweringFunction(Protocol):
    def call(self, event: dict[str, str]) -> None:
        """Has it called, and does not wait for it."""


class LeaseLost(ForeverUsError):
    """Somebody else answers the conversation: this call was away for too long."""


class State(StrEnum):
    DONE = "done"
    IN_WORK = "in work"  # by another call
    HANDED_OVER = "handed over"


def event_of(message: PendingMessage) -> dict[str, str]:
    """What the function is called with."""
    return {"conversation_id": message.conversation_id, "user_id": message.user_id}


@dataclass(frozen=True, kw_only=True)
class ConversationAnswering:
    pending: PendingWork
    lease: ConversationLease
    writer: AnswerWriter
    again: AnsweringFunction
    run_blocking: RunBlocking

    async def run(self, conversation_id: str, user_id: str, seconds: float, holder: str) -> Body:
        """`seconds`: what the function has until everything must be saved. `holder`: a name that no other call has.
        Returns `{conversation_id, state, ended}`. Raises LeaseLost, and what the table or the push fail with: the
        function is called again then."""
        if seconds < CALL_S:
            raise ValueError(f"the function has {seconds:.0f} s, and an answer may take {CALL_S:.0f}")
        deadline = asyncio.get_running_loop().time() + seconds
        one = _Conversation(self, conversation_id, holder, deadline)
        try:
            state = await one.answer()
            if state is State.HANDED_OVER:
                await self.run_blocking(self.again.call, {"conversation_id": conversation_id, "user_id": user_id})
        finally:
            await one.beside.finish(deadline)
        return {"conversation_id": conversation_id, "state": state.value, "ended": one.ended}


class _Conversation:
    def __init__(self, on: ConversationAnswering, conversation_id: str, holder: str, deadline: float):
        self.on = on
        self.conversation_id = conversation_id
        self.holder = holder
        self.deadline = deadline
        self.ended = 0
        self.beside = Beside()

    async def answer(self) -> State:
        while True:
            taken, waiting = await asyncio.gather(self._take(), self._waiting())
            if taken is None:
                return State.IN_WORK
            if (state := await self._hold(taken, waiting)) is State.HANDED_OVER or not await self._waiting():
                return state

    async def _hold(self, taken: Taken, waiting: list[PendingMessage]) -> State:
        """Works under the lease, which is given back whatever comes."""
        work = asyncio.create_task(self._work(taken, waiting))
        renewing = asyncio.create_task(self._renew())
        ended = False
        try:
            await first_of(work, renewing)
            if not work.done():
                raise LeaseLost(self.conversation_id)
            state = work.result()
            ended = True
            return state
        finally:
            await stop(work, renewing)
            await self.on.run_blocking(self.on.lease.give_back, self.conversation_id, self.holder, ended=ended)

    async def _work(self, taken: Taken, waiting: list[PendingMessage]) -> State:
        moved = False
        waiting = await self._count_unended(taken, waiting)
        while waiting:
            for message in waiting:
                written = await self.on.writer.write(message, self.deadline, self.beside, moved)
                if written is Written.NO_TIME:
                    return State.HANDED_OVER
                moved = moved or written is Written.MOVED
                self.ended += written is Written.ENDED
            waiting = await self._waiting()
        return State.DONE

    async def _count_unended(self, taken: Taken, waiting: list[PendingMessage]) -> list[PendingMessage]:
        """A call that came to no end had the oldest one in hand, of those that waited then."""
        if not waiting or waiting[0].created_at > taken.unended:
            return waiting
        oldest = waiting[0]
        await self.on.run_blocking(self.on.pending.count, oldest.message_id, unended=1)
        return [replace(oldest, unended=oldest.unended + 1), *waiting[1:]]

    async def _renew(self) -> None:
        """Returns when the lease is somebody else's."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                if await self._take() is None:
                    return
            except Exception as err:
                log.warning("the lease of %s: %r", self.conversation_id, err)

    async def _take(self) -> Taken | None:
        return await self.on.run_blocking(self.on.lease.take, self.conversation_id, self.holder)

    async def _waiting(self) -> list[PendingMessage]:
        found = await self.on.run_blocking(self.on.pending.on_bedrock)
        return [one for one in found if one.conversation_id == self.conversation_id]
