"""When a session is idle. A session that is idle ends: nobody pays for a GPU that nobody uses."""

import asyncio
import logging
from typing import Any

from foreverus.sessions.mailbox import Mailbox
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.records import SessionStatus
from foreverus.worker.contact import Calls
from foreverus.worker.life import IDLE, Life
from foreverus.worker.serve import Activity, Consumer
from foreverus.worker.settings import Timings
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

# A pending request keeps the session alive while it can still turn up in the queue: the sweep queues lost ones
# again every five minutes. After two of its rounds it is not the queue that keeps it from us.
# A pending batch does not count: its shards are in the queue, or in the hands of a session that lives and that the
# state machine replaces.
PENDING_PATIENCE_S = 660.0


class IdleWatch:
    def __init__(
        self,
        activity: Activity,
        consumers: list[Consumer[Any]],
        pending: PendingWork,
        mailbox: Mailbox,
        watch: MailboxWatch,
        calls: Calls,
        life: Life,
        idle_s: float,
        timings: Timings,
    ):
        self.activity = activity
        self.consumers = consumers
        self.pending = pending
        self.mailbox = mailbox
        self.watch = watch
        self.calls = calls
        self.life = life
        self.idle_s = idle_s
        self.timings = timings

    async def run(self) -> None:
        """Ends the session when nothing has happened for the idle time, and nothing waits."""
        while not self.life.stopping.is_set():
            if self._quiet_s() < self._limit_s():
                await asyncio.sleep(max(self.timings.idle_look, self._limit_s() - self._quiet_s()))
                continue
            try:
                if await self._really_idle():
                    self.life.end(IDLE)
                    return
            except Exception as err:
                log.warning("looking for work before an idle end: %r", err)
            await asyncio.sleep(self.timings.idle_look)

    def _quiet_s(self) -> float:
        return 0.0 if self.activity.in_hand else asyncio.get_running_loop().time() - self.activity.last

    def _limit_s(self) -> float:
        letter = self.watch.letter
        return self.idle_s if letter is None or letter.idle_seconds is None else float(letter.idle_seconds)

    async def _really_idle(self) -> bool:
        """Says that it is draining, and looks at the pending messages and the queues once more."""
        if await self._a_message_is_pending():
            return False
        letter = await self.watch.mine()
        draining = await self.calls(self.mailbox.set_status, letter, SessionStatus.DRAINING, SessionStatus.SERVING)
        if await self._queues_are_empty() and not await self._a_message_is_pending():
            return True
        if draining:
            await self.calls(self.mailbox.set_status, letter, SessionStatus.SERVING, SessionStatus.DRAINING)
        return False

    async def _a_message_is_pending(self) -> bool:
        patient = self._quiet_s() < self._limit_s() + PENDING_PATIENCE_S
        return patient and await self.calls(self.pending.any_message)

    async def _queues_are_empty(self) -> bool:
        """Waits until each queue has been looked at from now on, and says whether nothing came."""
        seen = [consumer.empty_rounds for consumer in self.consumers]
        while not self.activity.in_hand and not self.life.stopping.is_set():
            # The first receive to return may have begun before now: the second has not.
            if all(c.empty_rounds >= before + 2 for c, before in zip(self.consumers, seen, strict=True)):
                return self._quiet_s() >= self._limit_s()
            if any(c.empty_rounds < before for c, before in zip(self.consumers, seen, strict=True)):
                return False
            await asyncio.sleep(self.timings.mailbox_boot)
        return False
