"""The spend guard: a worker counts what its session costs, and ends it at a cap."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from foreverus.sessions.mailbox import Mailbox
from foreverus.worker.contact import Calls
from foreverus.worker.life import SPEND_CAP, SPEND_CAP_AT_BOOT, Life
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

LOOK_S = 5.0  # a GPU of two dollars an hour costs 0.3 cents in that time


async def watch_spending(
    watch: MailboxWatch,
    mailbox: Mailbox,
    calls: Calls,
    life: Life,
    clock: Callable[[], datetime],
    region: str,
    look_s: float = LOOK_S,
) -> None:
    """Gives notice at 80 % of a cap; at 100 % gives notice, finishes what is being answered, and ends the session.

    It needs the record only, which the mailbox reads anyway: the launches with their prices, the caps, and what the
    month had cost before. A notice that cannot be written keeps no session alive.
    """
    while True:
        letter = await watch.mine()
        level = letter.budget.level(clock(), region) if letter.budget else None
        if level and level.reached:
            log.warning("%.0f %% of the %s's spend cap are used up", level.percent, level.cap)
            life.end(SPEND_CAP if life.booted else SPEND_CAP_AT_BOOT)
        if level and level.notice > letter.spend_notice:
            try:
                await calls(mailbox.note_spend, letter, level.notice, level.cap)
            except Exception as err:
                log.warning("spend notice: %r", err)
        await asyncio.sleep(look_s)
