"""Every path of gpu_session is taken on the emulator, at once, each on a table of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from foreverus import ids
from foreverus.api import schemas
from foreverus.sessions.capacity import Refusal, refusals_of
from foreverus.sessions.launch_refusals import refused_launches
from foreverus.sessions.refused import refused_from_item
from tests.statemachines.cases import CASES, IMAGE_ID, NORMAL, SENTENCES
from tests.statemachines.definition import GPU_SESSION
from tests.statemachines.emulated import mocked
from tests.statemachines.machine import Bench, Case, Run

pytestmark = pytest.mark.cloud

MOST_TRANSITIONS = 14  # of a normal session, however long it lasts
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


def test_normal_session_takes_fourteen_transitions(runs: dict[str, Run]) -> None:
    assert len(runs["normal"].path) == len(NORMAL) == 14 <= MOST_TRANSITIONS


def test_normal_session_keeps_its_record(runs: dict[str, Run]) -> None:
    record = runs["normal"].record
    (instance,) = runs["normal"].instances
    assert record is not None
    assert record["owner"] == {"S": "user-1"}
    assert record["created_at"] == {"S": "2026-11-21T20:20:00.000Z"}
    assert record["idle_seconds"] == {"N": "300"}  # the claim named none, so the stack's own
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


NOT_CLAIMED = [case.name for case in CASES if case.error == "SessionNotClaimed"]


@pytest.mark.parametrize("name", NOT_CLAIMED)
def test_execution_without_a_claim_buys_nothing_and_changes_nothing(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert run.instances == []
    assert "POST /v1/sessions" in (run.cause or "")
    holder = run.case.slot_of or (run.session_id if run.case.status else None)
    assert (run.slot or {}).get("session_id", {}).get("S") == holder
    assert (run.record or {}).get("status", {}).get("S") == run.case.status
    assert (run.record or {}).get("version") == ({"N": "1"} if run.case.status else None)


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
    assert (run.closing["error"] or {}).get("Error") == run.case.error
    # What was never launched was never terminated, and the receipt needs to know.
    assert (run.closing["terminated_at"] is not None) == ("Terminate GPU" in run.path)
    assert (run.closing["instance_id"] is not None) == ("Terminate GPU" in run.path)


def test_gpu_that_lives_on_is_not_closed_as_terminated(runs: dict[str, Run]) -> None:
    assert runs["gpu-cannot-be-terminated"].closing["terminated_at"] is None
    assert runs["gpu-cannot-be-terminated"].closing["instance_id"].startswith("i-")


def images(run: Run) -> list[str]:
    """That the session's instances were launched from, in their order."""
    by_id = {one["InstanceId"]: one["ImageId"] for one in run.instances}
    launches = (run.record or {})["launches"]["L"]
    return [by_id[one["M"]["instance_id"]["S"]] for one in launches]


BASE = "ami-12345678"


@pytest.mark.parametrize(
    ("name", "launched_from", "unfit"),
    [
        ("normal", [BASE], ""),
        ("bake-begins-with-the-base-image", [BASE], ""),
        ("image-is-published", [IMAGE_ID], ""),
        ("no-image-is-published", [BASE], ""),
        ("nobody-knows-whether-an-image-is-published", [BASE], ""),
        ("published-image-is-gone", [BASE], ""),
        ("published-image-is-refused-as-api-error", [BASE], ""),
        ("no-capacity-for-a-published-image", [IMAGE_ID], ""),
        ("published-image-does-not-boot-and-work-waits", [IMAGE_ID, BASE], IMAGE_ID),
        ("published-image-never-boots-and-work-waits", [IMAGE_ID, BASE], IMAGE_ID),
        ("published-image-does-not-boot-and-nothing-waits", [IMAGE_ID], IMAGE_ID),
        ("interrupted-while-a-published-image-boots", [IMAGE_ID, IMAGE_ID], ""),
        ("boot-failed-and-nothing-waits", [BASE], ""),
    ],
)
def test_published_image_is_launched_until_it_proves_unfit(
    runs: dict[str, Run], name: str, launched_from: list[str], unfit: str
) -> None:
    assert images(runs[name]) == launched_from
    assert runs[name].closing["unfit_image"] == unfit


def test_bakes_instance_says_what_it_is_for(runs: dict[str, Run]) -> None:
    for name, purpose in (("normal", "serve"), ("bake-begins-with-the-base-image", "bake")):
        (instance,) = runs[name].instances
        assert {tag["Key"]: tag["Value"] for tag in instance["Tags"]}["foreverus:purpose"] == purpose


def test_on_demand_is_recorded_as_on_demand(runs: dict[str, Run]) -> None:
    record = runs["spot-then-on-demand"].record
    assert record is not None
    assert record["lifecycle"] == {"S": "on-demand"}


@pytest.mark.parametrize("name", ["call-refused-and-launched-all-the-same", "launch-without-an-answer-that-launched"])
def test_what_ec2_launched_all_the_same_is_the_sessions_instance(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    (instance,) = run.instances
    (launch,) = [one["M"] for one in (run.record or {})["launches"]["L"]]
    assert launch["instance_id"] == {"S": instance["InstanceId"]} == (run.record or {})["instance_id"]
    assert launch["instance_type"] == {"S": "g6.xlarge"}
    assert launch["availability_zone"] == {"S": instance["Placement"]["AvailabilityZone"]}
    assert launch["lifecycle"] == {"S": "on-demand"}  # what EC2 does not call spot
    assert ids.parse_timestamp(launch["launched_at"]["S"]) == instance["LaunchTime"]
    assert run.closing["error"] is None


REFUSED = [(f"call-refused-{name}", sentence) for name, (sentence, _) in SENTENCES.items()]


@pytest.mark.parametrize(("name", "sentence"), REFUSED)
def test_refused_call_is_closed_with_ec2s_own_words(runs: dict[str, Run], name: str, sentence: str) -> None:
    run = runs[name]
    (launch,) = refused_launches(run.closing["fleet_errors"])
    assert launch.lifecycle == "spot" and launch.errors[0].message.startswith(sentence)
    assert "Answer on Bedrock" in run.path and sentence in (run.cause or "")


def test_both_launches_of_the_last_try_are_told(runs: dict[str, Run]) -> None:
    told = {
        name: [(one.lifecycle, [said.code for said in one.errors]) for one in refused_launches(closing["fleet_errors"])]
        for name in ("unknown-refusals", "call-refused-twice", "fleet-without-a-word")
        for closing in [runs[name].closing]
    }
    assert told == {
        "unknown-refusals": [("spot", ["InsufficientFreeAddressesInSubnet"]), ("on-demand", ["SomethingNew"])],
        "call-refused-twice": [("spot", [""]), ("on-demand", [""])],
        "fleet-without-a-word": [("spot", [])],
    }


def test_a_booting_sessions_record_says_what_was_refused_before(runs: dict[str, Run]) -> None:
    def kept(name: str) -> list[tuple[str, str, str]]:
        items = (runs[name].record or {})["refused"]["L"]
        read = [refused_from_item({key: one["S"] for key, one in item["M"].items()}) for item in items]
        assert all(one.at for one in read)
        return [(one.lifecycle, one.instance_type, one.error) for one in read]

    assert kept("normal") == []
    assert kept("instance-beside-errors") == [("spot", "unknown", "NoGpuCapacity")]
    assert kept("spot-then-on-demand") == [("spot", "g6.xlarge", "NoGpuCapacity")]


def test_relaunch_tries_spot_before_on_demand_again(runs: dict[str, Run]) -> None:
    record = runs["relaunch-tries-spot-first-again"].record or {}
    assert [one["M"]["lifecycle"]["S"] for one in record["launches"]["L"]] == ["on-demand", "spot"]


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


def test_session_that_used_up_its_cap_is_closed_as_that(runs: dict[str, Run]) -> None:
    assert runs["ended-at-its-cap"].closing["outcome"] == "spend_cap"
    assert runs["ended-at-its-cap-while-booting"].closing["error"]["Error"] == "SpendCapReached"


@pytest.mark.parametrize("name", ["no-spot-capacity", "not-authorized", "bedrock-fails-too"])
def test_bedrock_changes_nothing_of_how_the_session_ends(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert (run.closing["error"]["Error"], run.closing["outcome"]) == (run.error, "failed")
    assert "EC2 said: " in (run.cause or "")
    assert refusals(run)


FIRST, LAST = ("g6.xlarge", "us-east-1a"), ("g5.xlarge", "us-east-1b")  # as the template names them


@pytest.mark.parametrize(
    ("name", "bought"),
    [
        ("normal", [FIRST]),
        ("learned-order", [LAST]),
        ("learned-order-of-one-pool", [("g5.xlarge", "us-east-1a")]),
        ("learned-order-of-pools-that-are-gone", [FIRST]),
        ("known-and-no-better", [FIRST]),
        ("order-that-nobody-understands", [FIRST]),
        ("learned-order-that-ec2-sells-nothing-in", [FIRST]),
        ("learned-order-that-ec2-refuses", [FIRST]),
        ("learned-order-then-ec2s-own-then-on-demand", [FIRST]),
        ("learned-order-and-a-relaunch", [LAST, LAST]),
    ],
)
def test_zones_and_types_are_asked_for_in_their_order(runs: dict[str, Run], name: str, bought: list[object]) -> None:
    launches = [one["M"] for one in (runs[name].record or {})["launches"]["L"]]
    assert [(one["instance_type"]["S"], one["availability_zone"]["S"]) for one in launches] == bought


def test_closing_hears_which_gpus_were_lost_and_what_could_be_asked_for(runs: dict[str, Run]) -> None:
    def lost(name: str) -> list[tuple[int, str]]:
        return [(one["attempt"], one["error"]) for one in runs[name].closing["lost"]]

    assert lost("normal") == []
    assert lost("interrupted-with-work") == lost("interrupted-and-nothing-waits") == [(0, "SpotInterrupted")]
    assert lost("interrupted-again-and-again") == [(0, "SpotInterrupted"), (1, "SpotInterrupted")]
    assert lost("worker-falls-silent") == [(0, "States.HeartbeatTimeout")]
    every = {f"{kind}#us-east-1{zone}" for kind in ("g6.xlarge", "g5.xlarge") for zone in "ab"}
    assert set(runs["normal"].closing["pools"]) == every and len(runs["normal"].closing["pools"]) == 4
    assert runs["table-is-down"].closing["pools"] == runs["table-is-down"].closing["lost"] == []


def refusals(run: Run) -> list[Refusal]:
    """As close_session reads them."""
    return refusals_of(run.closing["fleet_errors"], run.closing["zones"])


def test_diary_hears_of_everything_that_ec2_did_not_sell(runs: dict[str, Run]) -> None:
    def heard(name: str) -> list[tuple[str, str, str]]:
        return [(one.lifecycle, one.instance_type, one.code) for one in refusals(runs[name])]

    assert heard("normal") == []
    assert heard("instance-beside-errors") == [("spot", "unknown", "InsufficientInstanceCapacity")]
    assert heard("no-capacity-at-all") == [
        ("spot", "g6.xlarge", "UnfulfillableCapacity"),
        ("on-demand", "g6.xlarge", "InsufficientInstanceCapacity"),
    ]
    assert set(runs["no-capacity-at-all"].closing["zones"].values()) == {"us-east-1a", "us-east-1b"}
    assert heard("no-capacity-for-the-relaunch")[-1] == ("spot", "g6.xlarge", "InsufficientInstanceCapacity")


def test_what_the_machine_says_is_what_the_function_takes(runs: dict[str, Run]) -> None:
    closed = [run for run in runs.values() if "Close session" in run.path and "Close session" not in run.case.states]
    assert len(closed) > len(runs) / 2
    for run in closed:
        schemas.check("close_session", run.closing)
