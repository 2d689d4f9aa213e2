"""The one run at a time: an item that only one can put, with what the run may cost set aside in the same transaction.

Its state machine and its task read and write that item as a mailbox; it goes when the run is closed (closing.py).
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.abilities.containers.records import RUN, ContainerRun, RunPhase, StartRefusal
from foreverus.aws.ability_keys import refusal_key, run_key
from foreverus.aws.dynamo import Found, Table, delete_write, put_write
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.money import at_most
from foreverus.costs.purse import PurseStore
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import ContainerCannotStart

log = logging.getLogger(__name__)


class Runs(Protocol):
    """The twin is `MemoryContainerRuns`."""

    def current(self) -> ContainerRun | None: ...
    def claim(self, run: ContainerRun, reserved: Reservation) -> bool:
        """False, and nothing is written, where another one is on. Raises SpendCapReached and NotAccepted."""

    def close(self, run_id: str, cost: CountedCost) -> None:
        """Counts it once, and makes room for the next one. May be repeated, also of one that is long gone."""

    def refuse(self, refusal: StartRefusal) -> None:
        """Nobody starts a run for a while."""

    def refusal(self) -> StartRefusal | None:
        """The newest, which may be over."""


class Machine(Protocol):
    def start(self, name: str, request: Mapping[str, object]) -> None: ...


class RunStore:
    def __init__(self, items: Table, purse: PurseStore):
        self.items = items
        self.purse = purse

    def current(self) -> ContainerRun | None:
        return _run(self.items.get(run_key()))

    def claim(self, run: ContainerRun, reserved: Reservation) -> bool:
        item = {**run_key(), "run_id": run.run_id, "phase": run.phase.value}
        return self.purse.reserve_with(reserved, [put_write(item, "attribute_not_exists(pk)")])

    def close(self, run_id: str, cost: CountedCost) -> None:
        self.purse.settle(month_of_run(run_id), run_id, cost)
        self.items.transact_if(delete_write(run_key(), "run_id = :run", {":run": run_id}))

    def refuse(self, refusal: StartRefusal) -> None:
        until, over = ids.timestamp(refusal.until), int(refusal.until.timestamp())
        self.items.put({**refusal_key(), "message": refusal.message, "until": until, "expires_at": over})

    def refusal(self) -> StartRefusal | None:
        found = self.items.get(refusal_key())
        return StartRefusal(found["message"], ids.parse_timestamp(found["until"])) if found else None


def _run(item: Found) -> ContainerRun | None:
    if item is None:
        return None
    token, task = item.get("task_token", ""), item.get("task_arn", "")
    return ContainerRun(run_id=item["run_id"], phase=RunPhase(item["phase"]), token=token, task_arn=task)


def month_of_run(run_id: str) -> str:
    return month_of(ids.timestamp(ContainerRun(run_id=run_id).started_at))


class MemoryContainerRuns:
    """Twin of `RunStore`. `reserved`: of runs that are not closed; `counted`: what each has cost."""

    def __init__(self) -> None:
        self.run: ContainerRun | None = None
        self.reserved: dict[str, Reservation] = {}
        self.counted: dict[str, CountedCost] = {}
        self.refused: StartRefusal | None = None

    def refuse(self, refusal: StartRefusal) -> None:
        self.refused = refusal

    def refusal(self) -> StartRefusal | None:
        return self.refused

    def current(self) -> ContainerRun | None:
        return self.run

    def claim(self, run: ContainerRun, reserved: Reservation) -> bool:
        if self.run is not None:
            return False
        self.run = run
        self.reserved[run.run_id] = reserved
        return True

    def close(self, run_id: str, cost: CountedCost) -> None:
        self.reserved.pop(run_id, None)
        self.counted.setdefault(run_id, cost)
        if self.run and self.run.run_id == run_id:
            self.run = None


@dataclass(frozen=True, kw_only=True)
class RunStarter:
    """`usd`: what a run may cost at most. `longest`: how long one may last, with its start and its end."""

    runs: Runs
    machine: Machine
    clock: Callable[[], datetime]
    usd: float
    longest: timedelta

    def ensure(self) -> ContainerRun:
        """The run that is on; where none is, one is started. Two at once start one. Raises SpendCapReached,
        ContainerCannotStart and NotAccepted."""
        while (run := self.runs.current()) is None:
            if started := self._start():
                return started
        return run

    def _start(self) -> ContainerRun | None:
        now = self.clock()
        if (refusal := self.runs.refusal()) and refusal.until > now:
            raise ContainerCannotStart(refusal.message, math.ceil((refusal.until - now).total_seconds()))
        run = ContainerRun(run_id=ids.new_id(RUN, now))
        since, until = ids.timestamp(now), ids.timestamp(now + self.longest)
        reserved = Reservation(month_of(since), run.run_id, Owner.CONTAINER, at_most(self.usd), since, until)
        if not self.runs.claim(run, reserved):
            return None
        try:
            self.machine.start(run.run_id, {})
        except Exception:
            # Where it has begun all the same, it finds that it is not the one that is on, and starts nothing.
            self.runs.close(run.run_id, CountedCost(at_most(0), ids.timestamp(now)))
            raise
        log.info("started the run %s", run.run_id)
        return run
