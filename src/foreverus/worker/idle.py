"""When a session is idle. A session that is idle ends: nobody pays for a GPU that nobody uses."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from foreverus.choice.idle_time import LEAST_IDLE_S
from foreverus.concurrency import RunBlocking
from foreverus.sessions.mailbox import Mailbox
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.records import SessionStatus
from foreverus.worker.consumer import Activity, Consumer
from foreverus.worker.idle_limit import IdleLimit
from foreverus.worker.settings import Timings
from foreverus.worker.shutdown import IDLE, Shutdown
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

# A pending request keeps the session alive while it can still turn up in the queue: the sweep queues lost ones
# again every five minutes. After two of its rounds it is not the queue that keeps it from us.
# A pending batch does not count: its shards are in the queue, or in the hands of a session that lives and that the
# state machine replaces.
PENDING_PATIENCE_S = 660.0


@dataclass(frozen=True, kw_only=True)
class IdleWatch:
    activity: Activity
    consumers: list[Consumer[Any]]
    pending: PendingWork
    mailbox: Mailbox
    watch: MailboxWatch
    run_blocking: RunBlocking
    shutdown: Shutdown
    limit: IdleLimit
    timings: Timings

    async def run(self) -> None:
        """Ends the session when nothing has happened for the idle time, and nothing waits."""
        await self.limit.decide()  # people see it from the beginning
        while not self.shutdown.stopping.is_set():
            if self._quiet_s() < self._limit_s():
                left = self._limit_s() - self._quiet_s()
                await asyncio.sleep(max(self.timings.idle_look, min(left, LEAST_IDLE_S)))  # the next pause's is shorter
                continue
            if await self.limit.decide():
                continue
            try:
                if await self._really_idle():
                    self.shutdown.begin(IDLE)
                    return
            except Exception as err:
                log.warning("looking for work before an idle end: %r", err)
            await asyncio.sleep(self.timings.idle_look)

    def _quiet_s(self) -> float:
        return 0.0 if self.activity.in_hand else asyncio.get_running_loop().time() - self.activity.last

    def _limit_s(self) -> float:
        return self.limit.seconds

    async def _really_idle(self) -> bool:
        """Says that it is draining, and looks at the pending messages and the queues once more."""
        if await self._a_message_is_pending():
            return False
        snapshot = await self.watch.own_snapshot()
        set_status = self.mailbox.set_status
        draining = await self.run_blocking(set_status, snapshot, SessionStatus.DRAINING, SessionStatus.SERVING)
        if await self._queues_are_empty() and not await self._a_message_is_pending():
            return True
        if draining:
            await self.run_blocking(set_status, snapshot, SessionStatus.SERVING, SessionStatus.DRAINING)
        return False

    async def _a_message_is_pending(self) -> bool:
        patient = self._quiet_s() < self._limit_s() + PENDING_PATIENCE_S
        return patient and await self.run_blocking(self.pending.any_message)

    async def _queues_are_empty(self) -> bool:
        """Waits until each queue has been looked at from now on, and says whether nothing came."""
        seen = [consumer.empty_rounds for consumer in self.consumers]
        while not self.activity.in_hand and not self.shutdown.stopping.is_set():
            # The first receive to return may have begun before now: the second has not.
            if all(c.empty_rounds >= before + 2 for c, before in zip(self.consumers, seen, strict=True)):
                return self._quiet_s() >= self._limit_s()
            if any(c.empty_rounds < before for c, before in zip(self.consumers, seen, strict=True)):
                return False
            await asyncio.sleep(self.timings.mailbox_boot)
        return False
