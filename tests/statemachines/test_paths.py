"""Every path of gpu_session is taken on the emulator, at once, each on a table of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from foreverus.api import schemas
from tests.statemachines.cases import CASES, NORMAL
from tests.statemachines.definition import GPU_SESSION
from tests.statemachines.machine import Bench, Case, Run, mocked

pytestmark = pytest.mark.cloud

MOST_TRANSITIONS = 12  # of a normal session, however long it lasts
AT_ONCE = 8


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Run]]:
    with mocked(CASES) as emulator, ThreadPoolExecutor(AT_ONCE) as pool:
        yield {run.case.name: run for run in pool.map(Bench(emulator).run, CASES)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_path(runs: dict[str, Run], case: Case) -> None:
    run = runs[case.name]
    assert tuple(run.path) == case.path, (run.error, run.cause)
    assert (run.status, run.error) == ("FAILED" if case.error else "SUCCEEDED", case.error), run.cause


def test_every_transition_of_the_machine_is_taken(runs: dict[str, Run]) -> None:
    taken = {pair for run in runs.values() for pair in zip(run.path, run.path[1:], strict=False)}
    assert GPU_SESSION.transitions() - taken == set()


def test_no_instance_is_left_on_any_path(runs: dict[str, Run]) -> None:
    left = {
        run.case.name
        for run in runs.values()
        if any(one["State"]["Name"] not in ("terminated", "shutting-down") for one in run.instances)
    }
    assert left == {"gpu-cannot-be-terminated"}  # there the failed execution wakes the reaper


def test_normal_session_takes_twelve_transitions(runs: dict[str, Run]) -> None:
    assert len(runs["normal"].path) == len(NORMAL) == 12 <= MOST_TRANSITIONS


def test_normal_session_keeps_its_record(runs: dict[str, Run]) -> None:
    record = runs["normal"].record
    (instance,) = runs["normal"].instances
    assert record is not None
    assert record["owner"] == {"S": "user-1"}
    assert record["created_at"] == {"S": "2026-11-21T20:20:00.000Z"}
    assert record["idle_seconds"] == {"N": "77"}
    assert record["instance_id"] == {"S": instance["InstanceId"]}
    assert record["instance_type"] == {"S": instance["InstanceType"]}
    assert record["availability_zone"] == {"S": instance["Placement"]["AvailabilityZone"]}
    assert record["lifecycle"] == {"S": "spot"}
    assert record["healthy_at"] == {"S": "2026-11-21T20:22:30.123Z"}
    assert (record["status"], record["task"]) == ({"S": "serving"}, {"S": "serve"})
    assert record["version"] == {"N": "4"}  # requested, launching, booting, serving


def test_instance_carries_its_session_and_stack(runs: dict[str, Run]) -> None:
    (instance,) = runs["normal"].instances
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["foreverus:session"] == "ses_normal"
    assert tags["foreverus:stack"] == "foreverus"


def test_schedule_makes_its_own_record(runs: dict[str, Run]) -> None:
    for name in ("scheduled", "bare-schedule"):
        record = runs[name].record
        assert record is not None
        assert record["session_id"] == {"S": f"ses_{name}"}
        assert record["trigger"] == {"S": "schedule"}
        assert record["idle_seconds"] == {"N": "300"}


def test_second_session_launches_nothing(runs: dict[str, Run]) -> None:
    assert runs["another-is-live"].instances == []
    assert runs["another-is-live"].record is None


def test_relaunch_is_written_down_for_the_receipt(runs: dict[str, Run]) -> None:
    run = runs["interrupted-with-work"]
    assert run.record is not None
    launches = [one["M"] for one in run.record["launches"]["L"]]
    assert [launch["attempt"]["N"] for launch in launches] == ["0", "1"]
    assert {launch["instance_id"]["S"] for launch in launches} == {i["InstanceId"] for i in run.instances}
    assert len(run.instances) == 2


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("normal", "idle"),
        ("ended-while-booting", "ended"),
        ("ended-while-serving", "ended"),
        ("interrupted-and-nothing-waits", "interrupted"),
        ("interrupted-with-work", "idle"),
        ("worker-falls-silent", "failed"),
        ("no-spot-capacity", "failed"),
    ],
)
def test_session_is_closed_with_its_outcome(runs: dict[str, Run], name: str, outcome: str) -> None:
    run = runs[name]
    assert run.closing["outcome"] == outcome
    assert run.closing["session_id"] == run.session_id
    assert run.closing.get("error", {}).get("Error") == run.case.error
    # What was never launched was never terminated, and the receipt needs to know.
    assert ("terminated_at" in run.closing) == ("Terminate GPU" in run.path)
    assert ("instance_id" in run.closing) == ("Terminate GPU" in run.path)


def test_gpu_that_lives_on_is_not_closed_as_terminated(runs: dict[str, Run]) -> None:
    assert "terminated_at" not in runs["gpu-cannot-be-terminated"].closing
    assert runs["gpu-cannot-be-terminated"].closing["instance_id"].startswith("i-")


def test_on_demand_is_recorded_as_on_demand(runs: dict[str, Run]) -> None:
    record = runs["spot-then-on-demand"].record
    assert record is not None
    assert record["lifecycle"] == {"S": "on-demand"}


def test_failed_session_says_what_to_do(runs: dict[str, Run]) -> None:
    cause = runs["spot-quota-then-on-demand-quota"].cause or ""
    assert "L-3819A6DF" in cause
    assert "L-DB2E81BA" in cause
    assert "VcpuLimitExceeded" in cause


def test_first_error_is_the_sessions_error(runs: dict[str, Run]) -> None:
    assert runs["everything-after-the-termination-fails"].error == "Lambda.Unknown"
    assert runs["lost-gpu-cannot-be-terminated"].cause == "a test"


def test_session_knows_its_caps(runs: dict[str, Run]) -> None:
    record = runs["normal"].record or {}
    assert (record["session_cap_usd"], record["monthly_cap_usd"]) == ({"N": "4"}, {"N": "20"})


def test_month_at_its_cap_launches_nothing(runs: dict[str, Run]) -> None:
    for name in ("spend-cap-reached", "spend-cap-reached-since-it-was-claimed", "another-is-live-at-the-cap"):
        assert runs[name].instances == []
    assert "US$ 20" in (runs["spend-cap-reached"].cause or "")


def test_session_that_used_up_its_cap_is_closed_as_that(runs: dict[str, Run]) -> None:
    assert runs["ended-at-its-cap"].closing["outcome"] == "spend_cap"
    assert runs["ended-at-its-cap-while-booting"].closing["error"]["Error"] == "SpendCapReached"


@pytest.mark.parametrize("name", ["no-spot-capacity", "not-authorized", "bedrock-fails-too"])
def test_bedrock_changes_nothing_of_how_the_session_ends(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert (run.closing["error"]["Error"], run.closing["outcome"]) == (run.error, "failed")
    assert "EC2 said: " in (run.cause or "")
    assert run.closing["refusals"]


def test_diary_hears_of_everything_that_ec2_did_not_sell(runs: dict[str, Run]) -> None:
    def heard(name: str) -> list[tuple[str, str, str]]:
        return [(one["lifecycle"], one["type"], one["code"]) for one in runs[name].closing["refusals"]]

    assert heard("normal") == []
    assert heard("instance-beside-errors") == [("spot", "unknown", "InsufficientInstanceCapacity")]
    assert heard("no-capacity-at-all") == [
        ("spot", "g6.xlarge", "UnfulfillableCapacity"),
        ("on-demand", "g6.xlarge", "InsufficientInstanceCapacity"),
    ]
    assert heard("no-capacity-for-the-relaunch")[-1] == ("spot", "g6.xlarge", "InsufficientInstanceCapacity")


def test_what_the_machine_says_is_what_the_function_takes(runs: dict[str, Run]) -> None:
    closed = [run for run in runs.values() if "Close session" in run.path and "Close session" not in run.case.states]
    assert len(closed) > len(runs) / 2
    for run in closed:
        schemas.check("close_session", run.closing)
