"""How long this worker's session stays on without use: a number that it was given, or what its pauses say."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.chat_gpu import REVIEW_S, ChatGpuFigures, keep_for_chats
from foreverus.choice.idle_time import (
    LEAST_IDLE_S,
    IdleDecision,
    IdleFigures,
    idle_time,
    unused,
)
from foreverus.choice.pauses import known_pauses, minute_of
from foreverus.concurrency import RunBlocking
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import TokenPrice, dearest_price
from foreverus.sessions.demand import Demand
from foreverus.sessions.mailbox import Mailbox
from foreverus.sessions.records import Trigger
from foreverus.worker.consumer import Activity
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)

LOOK_S = 20.0  # a minute that somebody asked in is noticed by one look at least, mostly by three
HOUR_S = 3600.0
LEAST_KNOWN_S = 600.0  # a rate of tokens is not taken from less
# Who orders a GPU for these wants a GPU; what comes after a batch goes to Bedrock, where the stack has it.
OTHERWISE_BEDROCKS = (Trigger.BATCH, Trigger.CHATS)
NOT_WORTH_IT_S = 3.0  # of quiet that one ends after, which was started for chats and is not worth it any more


@dataclass(kw_only=True)
class IdleLimit:
    """`deployed_s`: the deployment's idle time, 0 for auto. `bedrock`: its price, where Bedrock answers chats while no
    GPU is on. `booted_at`: on the loop's clock."""

    deployed_s: float
    bedrock: TokenPrice | None
    activity: Activity
    demand: Demand
    mailbox: Mailbox
    watch: MailboxWatch
    run_blocking: RunBlocking
    clock: Callable[[], datetime]
    booted_at: float
    _decided: IdleDecision | None = field(default=None, init=False)
    _for: float = field(default=inf, init=False)  # the activity's last moment that it was decided for
    _worthless: bool = field(default=False, init=False)
    _noted: IdleDecision | None = field(default=None, init=False)
    _unsaved: set[int] = field(default_factory=set, init=False)  # busy minutes
    _tokens: deque[tuple[float, int, int]] = field(default_factory=deque, init=False)

    @property
    def seconds(self) -> float:
        """Of this pause; until it is decided the least, and whoever has waited so long asks for the decision."""
        if self._worthless:
            return NOT_WORTH_IT_S
        if (told := self._told_s()) is not None:
            return told
        return float(self._decided.seconds) if self._decided and self._for == self.activity.last else LEAST_IDLE_S

    async def decide(self) -> bool:
        """Decides for this pause, once. False: it was decided before, or is a number. Nothing that fails here ends the
        session or keeps it on: what could not be read is not reckoned with."""
        if self._worthless or self._told_s() is not None or self._for == self.activity.last:
            return False
        last = self.activity.last
        self._decided, self._for = await self._reckoned(), last
        if self._decided != self._noted:
            try:
                await self.run_blocking(self.mailbox.note_idle, await self.watch.own_snapshot(), self._decided)
                self._noted = self._decided
            except Exception as err:  # people see an older sentence
                log.warning("noting the idle time: %r", err)
        return True

    async def watch_demand(self) -> None:
        """Notes in which minutes somebody asked, and how many tokens it was, for ever."""
        last = self.activity.last
        while True:
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            if self.activity.in_hand or self.activity.last != last:
                self._unsaved.add(minute_of(self.clock()))
            last = self.activity.last
            self._count_tokens(now)
            self._review(now)
            if any(minute < minute_of(self.clock()) for minute in self._unsaved) or not self.activity.in_hand:
                await self._save()

    def _review(self, now: float) -> None:
        """One that was started for chats ends in the next quiet moment when it is not worth its price any more."""
        snapshot = self.watch.snapshot
        if self.bedrock is None or snapshot is None or snapshot.trigger is not Trigger.CHATS or not self._tokens:
            return
        figures = self._figures()
        chats = ChatGpuFigures(boot_seconds=figures.boot_seconds, gpu_usd_per_hour=figures.gpu_usd_per_hour)
        kept = keep_for_chats(self._value_usd(self.bedrock, now - REVIEW_S), now - self.booted_at, chats)
        if kept.wanted == self._worthless:
            values = kept.bedrock_usd, kept.gpu_usd
            log.warning("worth a GPU: %s; US$ %.4f on Bedrock, US$ %.4f here, in ten minutes", kept.wanted, *values)
        self._worthless = not kept.wanted

    async def _save(self) -> None:
        """Once a minute at most: the minute that runs waits for its end while something is in hand."""
        minutes, self._unsaved = self._unsaved, set()
        if not minutes:
            return
        try:
            await self.run_blocking(self.demand.note, sorted(minutes))
        except Exception as err:
            self._unsaved |= set(sorted(minutes)[-60:])
            log.warning("noting busy minutes: %r", err)

    def _told_s(self) -> float | None:
        snapshot = self.watch.snapshot
        own = snapshot.idle_seconds if snapshot else None
        told = self.deployed_s if own is None else float(own)
        return told or None

    async def _reckoned(self) -> IdleDecision:
        if not self.activity.busy_s and not self.activity.in_hand:
            return unused()
        await self._save()
        try:
            known = known_pauses(await self.run_blocking(self.demand.of_such_times, self.clock()))
        except Exception as err:
            log.warning("reading when people asked: %r", err)
            known = []
        return idle_time(known, self._figures())

    def _figures(self) -> IdleFigures:
        snapshot = self.watch.snapshot
        launches = snapshot.budget.launches if snapshot and snapshot.budget else ()
        noted = launches[-1].price_per_hour_usd if launches else None
        price = (noted or dearest_price().usd_per_hour or 1.0) + BESIDE_GPU_USD_PER_HOUR
        return IdleFigures(
            boot_seconds=self._boot_s(),
            gpu_usd_per_hour=price,
            bedrock_usd_per_hour=self._value_usd_per_hour(),
        )

    def _boot_s(self) -> float:
        """This session's own: the newest that is known."""
        snapshot = self.watch.snapshot
        if snapshot is None or snapshot.launched_at is None:
            return ASSUMED_BOOT_S
        healthy = self.clock() - timedelta(seconds=asyncio.get_running_loop().time() - self.booted_at)
        return max(1.0, (healthy - snapshot.launched_at).total_seconds())

    def _value_usd_per_hour(self) -> float | None:
        """What the GPU's answers of the last hour would have cost on Bedrock; None where nobody goes there instead."""
        snapshot = self.watch.snapshot
        if self.bedrock is None or snapshot is None or snapshot.trigger not in OTHERWISE_BEDROCKS:
            return None
        now = asyncio.get_running_loop().time()
        self._count_tokens(now)
        usd = self._value_usd(self.bedrock, now - HOUR_S)
        return usd * HOUR_S / min(HOUR_S, max(LEAST_KNOWN_S, now - self._tokens[0][0]))

    def _value_usd(self, price: TokenPrice, since: float) -> float:
        """What the answers since then would have cost on Bedrock."""
        before = [one for one in self._tokens if one[0] <= since] or [self._tokens[0]]
        (_, *then), (_, *now) = before[-1], self._tokens[-1]
        return price.guard_usd(now[0] - then[0], now[1] - then[1])

    def _count_tokens(self, now: float) -> None:
        """Keeps what the record said in the last hour."""
        if self.watch.snapshot:
            self._tokens.append((now, *self.watch.snapshot.tokens))
        while len(self._tokens) > 1 and self._tokens[1][0] <= now - HOUR_S:
            self._tokens.popleft()
