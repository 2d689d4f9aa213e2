"""Who comes late sees the whole of a session: each event is a fact of its record."""

from dataclasses import replace

import pytest

from foreverus.costs.launch import Launch, Lifecycle
from foreverus.sessions.records import Phase, Session, SessionStatus
from foreverus.sessions.refused import MOST_REFUSED, RefusedPool, refused_from_item, refused_of
from foreverus.sessions.timeline import MOST_EVENTS, EventState, events


def at(second: int) -> str:
    return f"2026-11-21T20:{second // 60:02}:{second % 60:02}.000Z"


def launch(attempt: int, second: int, lifecycle: Lifecycle = Lifecycle.SPOT) -> Launch:
    return Launch(
        instance_id=f"i-{attempt}",
        instance_type="g6.xlarge",
        lifecycle=lifecycle,
        launched_at=at(second),
        attempt=attempt,
        availability_zone="us-east-1a",
    )


def refused(second: int, zone: str, code: str, error: str, lifecycle: str = "spot") -> RefusedPool:
    return RefusedPool("g6.xlarge", zone, code, lifecycle, at(second), error)


NEW = Session(session_id="ses_1", created_at=at(0))
LOST_ONCE = replace(
    NEW,
    status=SessionStatus.ENDED,
    attempt=1,
    launches=(launch(0, 5, Lifecycle.ON_DEMAND), launch(1, 300)),
    refused=(
        refused(2, "us-east-1a", "InsufficientInstanceCapacity", "NoGpuCapacity"),
        refused(2, "us-east-1b", "MaxSpotInstanceCountExceeded", "GpuQuotaExceeded"),
        refused(298, "us-east-1b", "UnfulfillableCapacity", "NoGpuCapacity"),
    ),
    phases=(
        Phase("booting", at(60), 0),
        Phase("loading", at(90), 0),
        Phase("healthy", at(200), 0),
        Phase("booting", at(350), 1),
        Phase("prepared", at(360), 1),
        Phase("healthy", at(400), 1),
    ),
    healthy_at=at(401),
    end_requested_at=at(500),
    terminated_at=at(510),
    ended_at=at(512),
    stored_at=at(530),
)


def told(session: Session) -> list[tuple[str, int]]:
    return [(one.state.value, one.attempt) for one in events(session)]


def test_a_session_that_lost_a_gpu_is_told_in_its_order() -> None:
    assert told(LOST_ONCE) == [
        ("requested", 0),
        ("refused", 0),
        ("launched", 0),
        ("booting", 0),
        ("loading", 0),
        ("healthy", 0),
        ("refused", 1),
        ("launched", 1),
        ("booting", 1),
        ("prepared", 1),
        ("healthy", 1),
        ("end_requested", 1),
        ("terminated", 1),
        ("ended", 1),
        ("stored", 1),
    ]


def test_what_one_launch_was_refused_is_one_event_with_every_zone() -> None:
    first, second = (one for one in events(LOST_ONCE) if one.state is EventState.REFUSED)
    assert [(one.zone, one.error) for one in first.refused] == [
        ("us-east-1a", "NoGpuCapacity"),
        ("us-east-1b", "GpuQuotaExceeded"),
    ]
    assert (second.at, second.lifecycle, len(second.refused)) == (at(298), "spot", 1)


def test_each_moment_of_a_life_shows_what_was_so_far() -> None:
    assert told(NEW) == [("requested", 0)]
    booting = replace(NEW, launches=(launch(0, 5),), phases=(Phase("booting", at(60), 0),))
    assert told(booting) == [("requested", 0), ("launched", 0), ("booting", 0)]
    assert told(replace(booting, healthy_at=at(90)))[-1] == ("healthy", 0), (
        "a phase that was lost is known all the same"
    )


def test_a_launch_that_failed_ends_in_its_error() -> None:
    failed = replace(
        NEW,
        refused=(refused(2, "us-east-1a", "VcpuLimitExceeded", "GpuQuotaExceeded"),),
        error="GpuQuotaExceeded",
        terminated_at=at(4),
        ended_at=at(4),
    )
    assert told(failed) == [("requested", 0), ("refused", 0), ("failed", 0)], "nothing was there to be terminated"
    assert events(failed)[-1].error == "GpuQuotaExceeded"


@pytest.mark.parametrize("count", [MOST_EVENTS - 2, MOST_EVENTS, 500])
def test_a_record_that_grew_without_end_shows_its_beginning_and_what_is_new(count: int) -> None:
    phases = tuple(Phase("loading", at(number), 0) for number in range(1, count))
    shown = events(replace(NEW, phases=phases, healthy_at=at(1000)))
    assert len(shown) == min(count + 1, MOST_EVENTS)
    assert (shown[0].state, shown[-1].state) == (EventState.REQUESTED, EventState.HEALTHY)


def test_a_phase_that_nobody_knows_is_left_out() -> None:
    assert told(replace(NEW, phases=(Phase("dreaming", at(3), 0),))) == [("requested", 0)]


def fleet(count: int) -> dict[str, object]:
    pool = {"Overrides": {"InstanceType": "g6.xlarge", "SubnetId": "subnet-1"}}
    error = {"ErrorCode": "InsufficientInstanceCapacity", "LaunchTemplateAndOverrides": pool}
    return {"lifecycle": "spot", "at": at(2), "errors": [error] * count}


def test_of_many_refusals_the_record_keeps_the_first() -> None:
    kept = refused_of([fleet(20), fleet(20)], {"subnet-1": "us-east-1b"})
    assert len(kept) == MOST_REFUSED
    assert {(one.zone, one.error) for one in kept} == {("us-east-1b", "NoGpuCapacity")}


def test_what_the_state_machine_noted_gets_its_name_when_it_is_read() -> None:
    noted = {"instance_type": "", "zone": "us-east-1b", "code": "VcpuLimitExceeded", "lifecycle": "spot", "at": at(2)}
    found = refused_from_item(noted)
    assert (found.instance_type, found.error) == ("unknown", "GpuQuotaExceeded")
    assert refused_from_item({}).error == "LaunchRefused", "an item of another version stops no reader"
