"""A bake on the laptop: its image is published, the next session starts from it, and the next bake replaces it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud, running
from local.person import Person
from tests.cloud import unique
from tests.local.sessions import PATIENCE_S, executions, invoke, live_instances, states_of, wait_until

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own, whose stack keeps images. Its engines are paced, and its machines' waits are short."""
    directory: Path = tmp_path_factory.mktemp("keeping")
    directory.chmod(0o755)
    parameters = {"EngineImageStore": "snapshot", "IdleSeconds": "30", "ModelId": "counting"}
    options: dict[str, Any] = {"parameters": parameters, "usual_ports": False, "wait_scale": 0.01, "pace": 100.0}
    with running(directory, lambda text: None, **options) as cloud:
        yield cloud


def bake(cloud: Cloud) -> dict[str, Any]:
    """The execution's end, and after a good one its session's too."""
    states = cloud.emulator.client("stepfunctions")
    started = states.start_execution(stateMachineArn=cloud.stack["BakeImageArn"], name=unique("bake"), input="{}")
    arn = started["executionArn"]
    wait_until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", "the bake is over")
    end = dict(states.describe_execution(executionArn=arn))
    if end["status"] == "SUCCEEDED":
        wait_until(lambda: "RUNNING" not in executions(cloud).values(), "its session is over too")
    return end


def published(cloud: Cloud) -> str:
    name = f"/{cloud.outputs['stack_name']}/gpu-image"
    found = cloud.emulator.client("ssm").get_parameters(Names=[name])["Parameters"]
    return found[0]["Value"] if found else ""


def kept(cloud: Cloud) -> tuple[list[str], int]:
    """(images, how many snapshots) of the stack."""
    ours = {"Filters": [{"Name": "tag:foreverus:stack", "Values": [cloud.outputs["stack_name"]]}]}
    ec2 = cloud.emulator.client("ec2")
    images = [one["ImageId"] for one in ec2.describe_images(Owners=["self"], **ours)["Images"]]
    return images, len(ec2.describe_snapshots(OwnerIds=["self"], **ours)["Snapshots"])


def session_of(cloud: Cloud, person: Person) -> dict[str, Any]:
    """One that answers a question, once it is over; with the image that it was launched from."""
    conversation = person.converse("You count.")
    session_id, _ = person.start_session()
    person.ask(conversation, "count to 3", 20)
    wait_until(lambda: person.call("GET", f"/sessions/{session_id}")["usage"]["messages"] == 1, "it has answered")
    instance_id = person.call("GET", f"/sessions/{session_id}")["instance"]["id"]
    (reservation,) = cloud.emulator.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    person.end_session(session_id)
    session = dict(person.call("GET", f"/sessions/{session_id}"))
    return {**session, "image_id": reservation["Instances"][0]["ImageId"]}


def phases(session: dict[str, Any]) -> list[str]:
    return [phase["name"] for phase in session["phases"]]


def test_bake_is_published_and_sessions_start_from_it_without_downloads_until_the_next_one(keeping: Cloud) -> None:
    with Person(keeping.outputs) as person:
        before = session_of(keeping, person)
        assert phases(before) == ["booting", "loading", "healthy"]

        assert (end := bake(keeping))["status"] == "SUCCEEDED", end
        first = published(keeping)
        assert kept(keeping) == ([first], 1)
        baked = person.call("GET", "/sessions")["data"][0]
        assert live_instances(keeping) == []
        assert (baked["trigger"], baked["outcome"], baked["usage"]["messages"]) == ("bake", "ended", 0)
        assert baked["receipt"]["total_usd"] > 0
        assert keeping.inbox.wait_for(first, PATIENCE_S), "people hear of it"

        after = session_of(keeping, person)
        assert "Find image" in states_of(keeping, after["id"])
        assert (before["image_id"] != first, after["image_id"]) == (True, first)
        assert phases(after) == ["booting", "prepared", "loading", "healthy"]

        assert (end := bake(keeping))["status"] == "SUCCEEDED", end
        second = published(keeping)
        assert second != first and kept(keeping) == ([second], 1), "the one before is gone"
        spent = person.call("GET", "/usage")["spent_usd"]
        sessions = person.call("GET", "/sessions")["data"]
        assert len(sessions) == 4
        assert spent == pytest.approx(sum(one["receipt"]["total_usd"] for one in sessions if one["receipt"]))


def test_bake_beside_a_session_is_refused_and_costs_nothing(keeping: Cloud) -> None:
    with Person(keeping.outputs) as person:
        before, image = len(person.call("GET", "/sessions")["data"]), published(keeping)
        session_id, _ = person.start_session()
        end = bake(keeping)
        assert (end["status"], end["error"]) == ("FAILED", "AnotherSessionIsLive")
        assert f"{session_id} is live" in json.dumps(end["cause"])
        person.end_session(session_id)
        assert len(person.call("GET", "/sessions")["data"]) == before + 1
        assert published(keeping) == image


def test_image_that_somebody_deleted_holds_no_session_up(keeping: Cloud) -> None:
    ec2 = keeping.emulator.client("ec2")
    with Person(keeping.outputs) as person:
        ec2.deregister_image(ImageId=published(keeping))
        session = session_of(keeping, person)
        assert phases(session) == ["booting", "loading", "healthy"]
        assert states_of(keeping, session["id"]).count("Launch GPU") == 2


def test_image_that_did_not_boot_is_withdrawn_by_what_closes_the_session(keeping: Cloud) -> None:
    """Under the role that the stack gives to that function; whether it booted is told by the state machine's tests."""
    image = published(keeping)
    assert image
    with Person(keeping.outputs) as person:
        ended = person.call("GET", "/sessions")["data"][0]["id"]
        told = invoke(keeping, "CloseSessionFunction", {"session_id": ended, "unfit_image": "ami-0another"})
        assert published(keeping) == image and "withdrawn" not in told["notification"]["message"]
        told = invoke(keeping, "CloseSessionFunction", {"session_id": ended, "unfit_image": image})
        assert published(keeping) == ""
        assert f"{image} did not boot and is withdrawn" in told["notification"]["message"]
        assert phases(session_of(keeping, person)) == ["booting", "loading", "healthy"]
