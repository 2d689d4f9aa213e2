"""Our own container on the laptop's cloud, where a task dies before it serves, and where deployments change or take it
away while it is on."""

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from foreverus.aws.ability_keys import refusal_key, run_key
from foreverus.costs.containers import TASK, run_usd
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.purse import PurseStore
from local import deploy
from local.cloud import Cloud, running
from local.patches.ecs_tasks import PATH
from local.state import LOCAL
from tests.cloud import unique
from tests.local.test_containers import LONG_S, Watch, until

pytestmark = pytest.mark.cloud

PARAMETERS = {"Voice": "container", "TaskIdleSeconds": "20"}
LONG = " ".join(["This is a sentence that takes a while to say."] * 80)


@pytest.fixture(scope="module")
def place() -> Iterator[Cloud]:
    state = LOCAL / "tests" / unique("container-ends")
    with running(state, lambda text: None, usual_ports=False, wait_scale=0.1, parameters=PARAMETERS) as cloud:
        yield cloud


@pytest.fixture
def client(place: Cloud) -> Iterator[OpenAI]:
    with OpenAI(base_url=place.outputs["api_url"], api_key=place.outputs["api_key"], max_retries=5) as made:
        yield made


@pytest.fixture
def watch(place: Cloud) -> Iterator[Watch]:
    one = Watch(place)
    until(one.is_over)
    yield one
    until(one.is_over)


def order_next(place: Cloud, what: str) -> None:
    """Of the task that is started next."""
    request = urllib.request.Request(f"{place.emulator.url}{PATH}/next/{what}", method="POST")
    urllib.request.urlopen(request, timeout=300).close()


def ask(place: Cloud) -> httpx.Response:
    """Without trying again."""
    headers = {"Authorization": f"Bearer {place.outputs['api_key']}"}
    asked = {"model": "container", "voice": "nova", "input": "Oi."}
    return httpx.post(
        f"{place.outputs['api_url']}/audio/speech", json=asked, headers=headers, timeout=LONG_S, trust_env=False
    )


def month() -> str:
    return time.strftime("%Y-%m", time.gmtime())


def deployed(place: Cloud, **changes: str) -> None:
    """The stack again, with other parameters."""
    building = deploy.Build(place.state)
    building.start()
    try:
        template = building.finish()
        deploy.deploy(place.state, place.emulator, template, place.page.url, {**place.parameters, **changes})
    finally:
        building.stop()


def test_an_image_that_is_not_there_is_an_answer_at_once_and_no_second_task(place: Cloud, watch: Watch) -> None:
    order_next(place, "cannot-pull")
    answer = ask(place)
    assert answer.status_code == 503, answer.text
    error = answer.json()["error"]
    assert error["code"] == "container_cannot_start"
    assert "its image cannot be fetched (CannotPullContainerError)" in error["message"]
    assert answer.headers["x-should-retry"] == "false" and 0 < int(answer.headers["Retry-After"]) <= 120
    (task,) = watch.tasks()
    assert task.provider == "FARGATE_SPOT" and not task.is_live
    (execution,) = watch.executions()
    ended = place.emulator.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert (ended["status"], ended["error"]) == ("FAILED", "ContainerCannotStart")
    assert "not found" in ended["cause"], "ECS's own words"
    lasted = (ended["stopDate"] - ended["startDate"]).total_seconds()
    assert lasted < 100, "and not the 240 s until it would have been ready"
    assert PurseStore(watch.items).month(month()).reservations == (), "what was set aside is free again"
    again = ask(place)
    assert again.json()["error"]["code"] == "container_cannot_start"
    assert len(watch.executions()) == 1, "who asks again starts nothing"
    watch.items.delete(refusal_key())  # two minutes later
    assert ask(place).status_code == 200


def test_one_that_spot_takes_while_it_starts_is_started_elsewhere_and_who_waits_is_served(
    client: OpenAI, watch: Watch, place: Cloud
) -> None:
    before = len(watch.tasks())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: client.audio.speech.create(model="container", voice="nova", input="Oi.").content)
        until(lambda: len(watch.live()) == 1)
        watch.order(watch.live()[0], "kill")
        assert len(answer.result(LONG_S)) > 1_000
    assert sorted(one.provider for one in watch.tasks()[before:]) in (["FARGATE", "FARGATE_SPOT"], ["FARGATE_SPOT"] * 2)


def test_an_event_that_is_late_or_doubled_ends_nothing(client: OpenAI, watch: Watch) -> None:
    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    (task,) = watch.live()
    detail: dict[str, Any] = {"clusterArn": watch.cluster.arn, "startedBy": task.run_id, "lastStatus": "STOPPED"}
    other = {**detail, "taskArn": f"{task.arn}0", "stopCode": "TaskFailedToStart"}
    of_another_run = {**detail, "taskArn": task.arn, "startedBy": "run_019b76daa8000123456789abcdef"}
    for one in (other, of_another_run):
        watch.invoke_reaper({"detail-type": "ECS Task State Change", "detail": one})
    assert watch.items.get(refusal_key()) is None
    assert watch.live() == [task] and (watch.items.get(run_key()) or {})["phase"] == "serving"
    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    assert watch.live() == [task]


def test_after_a_deployment_with_another_definition_the_work_goes_on_in_a_new_task(
    client: OpenAI, watch: Watch, place: Cloud
) -> None:
    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    (old,) = watch.live()
    with ThreadPoolExecutor(1) as pool:
        deploying = pool.submit(deployed, place, TaskIdleSeconds="21")
        answer = client.audio.speech.create(model="container", voice="echo", input=LONG)
        deploying.result(LONG_S)
    assert len(answer.content) > 10_000
    until(lambda: old.arn not in [one.arn for one in watch.live()])
    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    (new,) = watch.live()
    assert new.definition != old.definition
    execution = next(one for one in watch.executions() if one["name"] == old.run_id)
    assert execution["status"] == "SUCCEEDED", "it has ended as planned, and no alarm hears of it"


def test_switched_off_while_it_is_on_its_run_is_closed_and_counted_and_who_waits_is_told(
    client: OpenAI, place: Cloud
) -> None:
    """The last one: the ability is gone after it."""
    watch = Watch(place)
    until(watch.is_over)
    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    (task,) = watch.live()
    ledger = LedgerStore(watch.items)
    before = ledger.spent(month())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask_until_refused, place)
        deployed(place, Voice="off")
        refused = waiting.result(LONG_S)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "voice_off"), refused.text
    assert watch.items.get(run_key()) is None
    assert PurseStore(watch.items).month(month()).reservations == ()
    counted = ledger.spent(month()) - before
    assert 0 < counted < run_usd(TASK, 600), "what ECS says it took, and not all that it could"
    with urllib.request.urlopen(f"{place.emulator.url}{PATH}", timeout=300) as processes:
        assert json.load(processes) == {}, f"{task.arn} is gone"
    resources = place.emulator.client("cloudformation").get_paginator("list_stack_resources")
    left = [one for page in resources.paginate(StackName=deploy.STACK) for one in page["StackResourceSummaries"]]
    assert not [one["LogicalResourceId"] for one in left if one["LogicalResourceId"].startswith("Ability")]
    assert watch.live() == []
    (cluster,) = place.emulator.client("ecs").describe_clusters(clusters=[watch.cluster.arn])["clusters"] or [{}]
    assert cluster.get("status", "INACTIVE") == "INACTIVE"
    watch.invoke_reaper({})  # its sweep finds nothing, and does not fail
    with pytest.raises(openai.NotFoundError, match="Voice"):
        client.audio.speech.create(model="container", voice="nova", input="Oi.")


def ask_until_refused(place: Cloud) -> httpx.Response:
    deadline = time.monotonic() + LONG_S
    while (answer := ask(place)).status_code in (200, 503) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer
