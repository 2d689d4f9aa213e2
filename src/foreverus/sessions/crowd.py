"""Another GPU for a queue of people: looked at when a message joins a queue without a free slot, never by the clock."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.aws.demand_keys import CROWD
from foreverus.aws.dynamo import ConditionFailed, Table
from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.crowd import APART_S, LASTS_S, MINUTE_S, CrowdDecision, CrowdFigures, CrowdNow, worth_another
from foreverus.choice.request_records import GpuNow, GpuStatus
from foreverus.costs.meter import NOTICE_PERCENT, month_of
from foreverus.errors import ForeverUsError
from foreverus.sessions.backends_now import BackendsLook, gpu_now
from foreverus.sessions.gpu_state import BOOTS_TO_LEARN_FROM
from foreverus.sessions.records import Session, expected_boot_seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who came to a full queue, one after the other. `asked`: so many in its minute that runs, `before`: in the one
    before that."""

    since: datetime
    last: datetime
    asked: int = 1
    before: int = 0

    def one_more(self, now: datetime) -> "Crowd":
        if now > self.last + timedelta(seconds=APART_S):
            return Crowd(now, now)
        then, this = ((at - self.since).total_seconds() // MINUTE_S for at in (self.last, now))
        if this <= then:
            return replace(self, last=max(now, self.last), asked=self.asked + 1)
        return Crowd(self.since, now, 1, self.asked if this == then + 1 else 0)


class Crowds(Protocol):
    def one_more(self, now: datetime) -> Crowd:
        """Counts one who comes now. Of several at the same moment one may be missed."""


class CrowdStore:
    """Beside the GPU slots, whose item it is not."""

    def __init__(self, items: Table):
        self.items = items

    def one_more(self, now: datetime) -> Crowd:
        found = self.items.get(CROWD)
        crowd, condition, values = Crowd(now, now), "attribute_not_exists(pk)", None
        if found:
            since, last = (ids.parse_timestamp(found[name]) for name in ("since", "last"))
            crowd = Crowd(since, last, int(found["asked"]), int(found["before"])).one_more(now)
            condition = "asked = :asked AND since = :since"
            values = {":asked": found["asked"], ":since": found["since"]}
        times = {"since": ids.timestamp(crowd.since), "last": ids.timestamp(crowd.last)}
        try:
            self.items.put({**CROWD, **times, "asked": crowd.asked, "before": crowd.before}, condition, values)
        except ConditionFailed:
            log.info("somebody else came at the same moment, and is counted")
        return crowd


class Starts(Protocol):
    """`SessionStarter`."""

    @property
    def max_gpus(self) -> int: ...
    def start_beside(self, crowd: CrowdDecision) -> Session | None: ...


class Sessions(Protocol):
    def newest(self, limit: int, after: str = "") -> list[Session]: ...


@dataclass(frozen=True, kw_only=True)
class CrowdGpus:
    """`slots_each`: of one engine."""

    look: BackendsLook
    sessions: Sessions
    crowds: Crowds
    starter: Starts
    slots_each: int
    clock: Callable[[], datetime]

    def asked(self) -> Session | None:
        """Somebody's message has joined a queue without a free slot. Returns the session that is started for all of
        them; None: none is worth it, or may be had. Nothing that fails here is raised: the message is accepted."""
        if self.starter.max_gpus < 2:
            return None
        try:
            return self._started()
        except ForeverUsError as err:  # the month's cap, or somebody else is faster
            log.warning("no GPU for the crowd: %s", err)
        except Exception as err:
            log.warning("looking whether a crowd waits: %r", err)
        return None

    def _started(self) -> Session | None:
        state, now = self.look.gpus(), self.clock()
        if state.status is not GpuStatus.FULL:
            return None
        crowd = self.crowds.one_more(now)
        lasted_s, gpus = (now - crowd.since).total_seconds(), state.slots // self.slots_each
        if lasted_s < LASTS_S or state.is_booting or gpus >= self.starter.max_gpus:
            return None  # most end here, after two reads and a write
        month = self.look.totals(month_of(ids.timestamp(now)), state)
        if month.spent_percent >= NOTICE_PERCENT:  # near its cap the month buys waiting, not GPUs
            return None
        there = CrowdNow(in_work=state.waiting, slots=state.slots, gpus=gpus, asked=crowd.before, lasted_s=lasted_s)
        decision = worth_another(there, self._figures(gpu_now(self.look.figures, state)))
        log.warning("a crowd waits: another GPU is %s; %s", "worth it" if decision.wanted else "not", decision.text())
        return self.starter.start_beside(decision) if decision.wanted else None

    def _figures(self, gpu: GpuNow) -> CrowdFigures:
        boot = expected_boot_seconds(self.sessions.newest(BOOTS_TO_LEARN_FROM)) or ASSUMED_BOOT_S
        return CrowdFigures(
            boot_seconds=boot,
            gpu_usd_per_hour=gpu.gpu.spot_usd_per_hour,
            tokens_per_second=gpu.gpu.tokens_per_second,
        )
