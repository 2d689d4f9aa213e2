"""One run at a time, with what it may cost set aside: in DynamoDB (moto) and its twin."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from foreverus.abilities.containers.records import RunPhase, StartRefusal
from foreverus.abilities.containers.runs import MemoryContainerRuns, Runs, RunStarter, RunStore
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.purse import PurseStore
from foreverus.errors import ContainerCannotStart, SpendCapReached
from tests.unit.conftest import NOW, Aws

MONTH = "2026-01"
COST = CountedCost(exact(0.02), "2026-01-01T13:00:00.000Z")


class Machine:
    def __init__(self) -> None:
        self.started: list[str] = []
        self.failing = False

    def start(self, name: str, request: Mapping[str, object]) -> None:
        if self.failing:
            raise ConnectionError
        self.started.append(name)


@pytest.fixture(params=["dynamodb", "memory"])
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    if request.param == "memory":
        yield MemoryContainerRuns()
    else:
        items = request.getfixturevalue("aws").items
        yield RunStore(items, PurseStore(items, 20.0))


def starter(runs: Runs, machine: Machine, usd: float = 0.12) -> RunStarter:
    return RunStarter(runs=runs, machine=machine, clock=lambda: NOW, usd=usd, longest=timedelta(hours=1))


def test_the_first_who_asks_starts_a_run_and_others_join_it(runs: Runs) -> None:
    machine = Machine()
    run = starter(runs, machine).ensure()
    assert starter(runs, machine).ensure() == run
    assert machine.started == [run.run_id]
    assert (run.phase, run.started_at) == (RunPhase.STARTING, NOW)


def test_a_closed_run_makes_room_for_the_next_and_is_closed_once(runs: Runs) -> None:
    machine = Machine()
    first = starter(runs, machine).ensure()
    runs.close(first.run_id, COST)
    assert runs.current() is None
    second = starter(runs, machine).ensure()
    runs.close(first.run_id, CountedCost(exact(5), "2026-01-01T14:00:00.000Z"))
    assert runs.current() == second, "a late close of the first one ends nothing of the second"


def test_while_a_refusal_holds_nobody_starts_one_and_after_it_the_next_who_asks(runs: Runs) -> None:
    machine = Machine()
    assert runs.refusal() is None
    runs.refuse(StartRefusal("its image cannot be fetched", NOW + timedelta(seconds=90)))
    with pytest.raises(ContainerCannotStart, match="image") as told:
        starter(runs, machine).ensure()
    assert told.value.retry_after_s == 90
    assert machine.started == [] and runs.current() is None
    runs.refuse(StartRefusal("its image cannot be fetched", NOW))
    assert starter(runs, machine).ensure().run_id in machine.started


def test_a_run_that_is_on_serves_whatever_was_refused(runs: Runs) -> None:
    machine = Machine()
    run = starter(runs, machine).ensure()
    runs.refuse(StartRefusal("its image cannot be fetched", NOW + timedelta(seconds=90)))
    assert starter(runs, machine).ensure() == run


def test_where_the_machine_cannot_be_started_nothing_stays(runs: Runs) -> None:
    machine = Machine()
    machine.failing = True
    with pytest.raises(ConnectionError):
        starter(runs, machine).ensure()
    assert runs.current() is None
    machine.failing = False
    assert starter(runs, machine).ensure().run_id in machine.started


def test_what_a_run_may_cost_is_reserved_and_what_it_has_cost_is_counted_once(aws: Aws) -> None:
    purse = PurseStore(aws.items, 20.0)
    runs = RunStore(aws.items, purse)
    run = starter(runs, Machine()).ensure()
    (reserved,) = purse.month(MONTH).reservations
    assert (reserved.name, float(reserved.usd)) == (run.run_id, 0.12)
    for _ in range(2):
        runs.close(run.run_id, COST)
    assert purse.month(MONTH).reservations == ()
    assert purse.ledger.spent(MONTH) == pytest.approx(0.02)


def test_beyond_the_months_cap_none_is_started(aws: Aws) -> None:
    runs, machine = RunStore(aws.items, PurseStore(aws.items, 0.1)), Machine()
    with pytest.raises(SpendCapReached, match="nothing was started"):
        starter(runs, machine).ensure()
    assert runs.current() is None and machine.started == []


def test_eight_at_once_start_one(aws: Aws) -> None:
    machine, gate = Machine(), threading.Barrier(8)
    runs = RunStore(aws.items, PurseStore(aws.items, 20.0))

    def ask() -> str:
        gate.wait()
        return starter(runs, machine).ensure().run_id

    with ThreadPoolExecutor(8) as pool:
        found = {one.result() for one in [pool.submit(ask) for _ in range(8)]}
    assert found == set(machine.started) and len(found) == 1
