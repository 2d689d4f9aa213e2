"""The spend guard: a worker counts what its session costs, and ends it at a cap."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.concurrency import RunBlocking
from foreverus.sessions.mailbox import Mailbox
from foreverus.worker.shutdown import SPEND_CAP, SPEND_CAP_AT_BOOT, Shutdown
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

LOOK_S = 5.0  # a GPU of two dollars an hour costs 0.3 cents in that time


@dataclass(frozen=True, kw_only=True)
class SpendGuard:
    """Gives notice at 80 % of a cap; at 100 % gives notice, finishes what is being answered, and ends the session.

    It needs the record only, which the mailbox reads anyway: the launches with their prices, the caps, and what the
    month had cost before. A notice that cannot be written keeps no session alive.
    """

    watch: MailboxWatch
    mailbox: Mailbox
    run_blocking: RunBlocking
    shutdown: Shutdown
    clock: Callable[[], datetime]
    region: str

    async def run(self) -> None:
        while True:
            snapshot = await self.watch.own_snapshot()
            level = snapshot.budget.level(self.clock(), self.region) if snapshot.budget else None
            if level and level.reached:
                log.warning("%.0f %% of the %s's spend cap are used up", level.percent, level.cap)
                self.shutdown.begin(SPEND_CAP if self.shutdown.booted else SPEND_CAP_AT_BOOT)
            if level and level.notice > snapshot.spend_notice:
                try:
                    await self.run_blocking(self.mailbox.note_spend, snapshot, level.notice, level.cap)
                except Exception as err:
                    log.warning("spend notice: %r", err)
            await asyncio.sleep(LOOK_S)
