"""A GPU for chats: started by Bedrock's bill, within the caps, once for each dollar."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.choice.chat_gpu import REVIEW_S, START_MARGIN, ChatGpuFigures
from foreverus.errors import ForeverUsError, NotAccepted
from foreverus.sessions.chat_gpu import OWNER, ChatGpu
from foreverus.sessions.demand import DemandStore, MemoryDemand
from foreverus.sessions.records import Session, Trigger
from tests.unit.conftest import Aws

NOW = datetime(2026, 11, 29, 21, 50, tzinfo=UTC)
PRICE, BOOT_S = 0.48, 480
FIGURES = ChatGpuFigures(boot_seconds=BOOT_S, gpu_usd_per_hour=PRICE)


@dataclass
class World:
    """Sessions and their starter."""

    now: datetime = NOW
    live: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    started: list[tuple[str, Trigger]] = field(default_factory=list)
    error: Exception | None = None
    reads: int = 0

    def live_session_ids(self) -> list[str]:
        self.reads += 1
        return self.live

    def newest(self, limit: int, after: str = "") -> list[Session]:
        self.reads += 1
        return self.sessions[:limit]

    def start(self, owner: str, trigger: Trigger) -> tuple[Session, bool]:
        if self.error:
            raise self.error
        self.started.append((owner, trigger))
        session = Session(session_id="ses_1", created_at=ids.timestamp(self.now), trigger=trigger)
        self.sessions.insert(0, session)
        return session, True

    def booted(self, seconds: int, trigger: Trigger = Trigger.PAGE, ago_s: int = 90_000) -> None:
        at = self.now - timedelta(seconds=ago_s)
        healthy = at + timedelta(seconds=seconds)
        self.sessions.append(
            Session(
                session_id=f"ses_{len(self.sessions)}",
                created_at=ids.timestamp(at),
                healthy_at=ids.timestamp(healthy),
                trigger=trigger,
            )
        )


def chat_gpu(world: World, demand: Any = None, allowed: bool = True) -> ChatGpu:
    return ChatGpu(
        demand=demand or MemoryDemand(),
        sessions=world,
        starter=world,
        allowed=allowed,
        usd_per_hour=PRICE,
        clock=lambda: world.now,
    )


def answers(world: World, one: ChatGpu, usd: float, minutes: int = 40) -> list[Session]:
    """So much a minute; those that were started."""
    found = []
    for _ in range(minutes):
        world.now += timedelta(minutes=1)
        found.append(one.answered(usd))
    return [session for session in found if session]


@pytest.mark.parametrize("kind", ["memory", "dynamodb"])
def test_a_bill_that_is_worth_a_gpu_starts_one_for_nobody_in_particular(kind: str, aws: Aws) -> None:
    world = World()
    world.booted(BOOT_S)
    one = chat_gpu(world, DemandStore(aws.items) if kind == "dynamodb" else None)
    a_minute = FIGURES.start_usd / 20
    assert answers(world, one, a_minute, 19) == [] and world.started == []
    (session,) = answers(world, one, a_minute, 1)
    assert world.started == [(OWNER, Trigger.CHATS)] and session.trigger is Trigger.CHATS


def test_most_answers_take_one_write_and_one_read() -> None:
    world = World()
    answers(world, chat_gpu(world), 0.0001, 60)
    assert (world.reads, world.started) == (0, [])


def test_off_notes_what_came_and_starts_nothing() -> None:
    world, demand = World(), MemoryDemand()
    assert answers(world, chat_gpu(world, demand, allowed=False), 1.0) == []
    assert len(demand.minutes) == 40 and world.reads == 0


def test_a_steady_trickle_starts_nothing_whatever_the_hour_sums_up_to() -> None:
    world = World()
    below = 0.99 * START_MARGIN * FIGURES.review_usd / (REVIEW_S / 60)
    assert answers(world, chat_gpu(world), below, 300) == []


def test_a_crowd_that_has_left_starts_nothing() -> None:
    world = World()
    world.live = ["ses_other"]
    one = chat_gpu(world)
    answers(world, one, 0.1, 30)
    world.live, world.now = [], world.now + timedelta(minutes=15)
    assert answers(world, one, 0.0001, 5) == []


def test_while_one_is_live_none_is_started() -> None:
    world = World(live=["ses_other"])
    assert answers(world, chat_gpu(world), 1.0) == []


def test_no_dollar_pays_for_two_starts() -> None:
    world = World()
    world.booted(BOOT_S)
    one = chat_gpu(world)
    a_minute = FIGURES.start_usd / 20
    assert len(answers(world, one, a_minute, 20)) == 1  # it was lost at once: none is live
    assert answers(world, one, a_minute, 19) == []
    assert len(answers(world, one, a_minute, 2)) == 1


def test_slow_boots_need_a_larger_bill() -> None:
    quick, slow = World(), World()
    quick.booted(300)
    slow.booted(3600)
    assert answers(quick, chat_gpu(quick), 0.03, 25) and not answers(slow, chat_gpu(slow), 0.03, 25)


@pytest.mark.parametrize(
    "error", [NotAccepted("somebody is faster"), ForeverUsError("cap"), RuntimeError("no network")]
)
def test_nothing_that_fails_reaches_the_answer(error: Exception) -> None:
    world = World(error=error)
    assert answers(world, chat_gpu(world), 1.0) == []


def test_a_table_that_is_down_reaches_no_answer_either() -> None:
    class Down(MemoryDemand):
        def spent(self, at: datetime, usd: float) -> None:
            raise ConnectionError("no table")

    world = World()
    assert chat_gpu(world, Down()).answered(1.0) is None
    assert replace(chat_gpu(world), allowed=False).answered(1.0) is None
