"""Our own container on the laptop's cloud: OpenAI's client is served by a task that starts, serves and is gone."""

import io
import json
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai import OpenAI

from bench.voice import SENTENCES, word_error_rate
from foreverus.aws.ability_keys import run_key
from foreverus.aws.dynamo import Table
from foreverus.aws.ecs import Cluster, FargateTask
from foreverus.costs.containers import TASK, task_usd
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.purse import PurseStore
from local.cloud import Cloud, running
from local.emulator import Emulator
from local.patches.ecs_tasks import PATH
from local.state import LOCAL
from tests.cloud import unique

pytestmark = pytest.mark.cloud

BOM_DIA = "Bom dia! Qual é a capital do Brasil?"
IDLE_S = 6
LONG_S = 300.0  # how long a machine with much else to do may take for anything here


@pytest.fixture(scope="module")
def place() -> Iterator[Cloud]:
    parameters = {"Voice": "container", "TaskIdleSeconds": str(IDLE_S)}
    state = LOCAL / "tests" / unique("containers")
    with running(state, lambda text: None, usual_ports=False, wait_scale=0.1, parameters=parameters) as cloud:
        yield cloud


@pytest.fixture
def client(place: Cloud) -> Iterator[OpenAI]:
    with OpenAI(base_url=place.outputs["api_url"], api_key=place.outputs["api_key"], max_retries=5) as made:
        yield made


class Watch:
    """What is on, as AWS's own API says it."""

    def __init__(self, place: Cloud) -> None:
        self.place = place
        self.items = Table(place.emulator.client("dynamodb"), place.stack["TableName"])
        self.cluster = Cluster(place.emulator.client("ecs"), place.stack["AbilityClusterArn"])

    def tasks(self) -> list[FargateTask]:
        return self.cluster.tasks()

    def live(self) -> list[FargateTask]:
        return [one for one in self.tasks() if one.is_live]

    def executions(self) -> list[dict[str, Any]]:
        states = self.place.emulator.client("stepfunctions")
        return list(states.list_executions(stateMachineArn=self.place.stack["AbilityRunArn"])["executions"])

    def is_over(self) -> bool:
        """No run is on, and no execution."""
        on = [one for one in self.executions() if one["status"] == "RUNNING"]
        return not on and not self.live() and self.items.get(run_key()) is None

    def order(self, task: FargateTask, what: str) -> None:
        url = f"{self.place.emulator.url}{PATH}/{task.arn.rpartition('/')[2]}/{what}"
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=300).close()

    def invoke_reaper(self, event: dict[str, Any]) -> None:
        found = self.place.emulator.client("cloudformation").describe_stack_resource(
            StackName="foreverus", LogicalResourceId="ReapGpusFunction"
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        self.place.emulator.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())


@pytest.fixture
def watch(place: Cloud) -> Iterator[Watch]:
    """Nothing is on before a test and after it."""
    one = Watch(place)
    until(one.is_over)
    yield one
    until(one.is_over)


def until(true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + LONG_S
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)
    return found


def test_two_at_once_start_one_task_that_serves_both_and_is_gone(client: OpenAI, watch: Watch) -> None:
    before = len(watch.executions())

    def said(number: int) -> bytes:
        asked = {"model": "container", "voice": "nova", "input": f"{BOM_DIA} {number}", "response_format": "wav"}
        return bytes(client.audio.speech.create(**asked).content)  # type: ignore[call-overload]

    with ThreadPoolExecutor(4) as pool:
        sounds = list(pool.map(said, range(4)))
    for sound in sounds:
        with wave.open(io.BytesIO(sound)) as read:
            assert read.getframerate() == 16_000 and read.getnframes() > 16_000
    until(watch.is_over)
    assert len(watch.executions()) == before + 1
    (execution,) = [one for one in watch.executions() if one["name"] == watch.tasks()[-1].run_id]
    assert execution["status"] == "SUCCEEDED"
    s3, bucket = watch.place.emulator.client("s3"), watch.place.stack["DataBucket"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="audio/")


def test_what_a_run_took_is_in_the_ledger_once_and_nothing_stays_reserved(client: OpenAI, watch: Watch) -> None:
    ledger, month = LedgerStore(watch.items), time.strftime("%Y-%m", time.gmtime())
    before = ledger.spent(month)
    client.audio.speech.create(model="tts-1", voice="onyx", input="One, two, three.")
    reserved = PurseStore(watch.items).month(month).reservations
    assert [one.owner.value for one in reserved] == ["container"]
    until(watch.is_over)
    assert ledger.spent(month) == pytest.approx(before + task_usd(TASK, "FARGATE_SPOT", 0)), "a minute at least"
    assert PurseStore(watch.items).month(month).reservations == ()
    run = watch.tasks()[-1].run_id
    watch.invoke_reaper({"ability_run": run})
    assert ledger.spent(month) == pytest.approx(before + task_usd(TASK, "FARGATE_SPOT", 0))
    usage = client.get("/usage", cast_to=object, options={"params": {"group_by": "backend"}})
    assert isinstance(usage, dict)
    (own,) = [one for one in usage["own"]["groups"] if one["backend"] == "container"]
    assert own["messages"] >= 1 and own["usd"] == 0


def test_what_is_read_aloud_is_written_down_by_the_same_container(client: OpenAI, watch: Watch) -> None:
    said = " ".join(SENTENCES[:3])
    rates = []
    for form in ("mp3", "opus", "wav"):
        asked = {"model": "container", "voice": "echo", "input": said, "response_format": form}
        sound = client.audio.speech.create(**asked).content  # type: ignore[arg-type]
        written = client.audio.transcriptions.create(model="whisper-1", file=(f"said.{form}", sound), language="en")
        rates.append(word_error_rate(said, written.text.split()))
    assert min(rates) < 0.8, "something was understood"
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(64_000))
    assert client.audio.transcriptions.create(model="container", file=("a.wav", silence.getvalue())).text == ""
    with pytest.raises(openai.BadRequestError, match="understands en-US alone"):
        client.audio.transcriptions.create(model="container", file=("a.wav", silence.getvalue()), language="pt")
    with pytest.raises(openai.NotFoundError, match="container, tts-1"):
        client.audio.speech.create(model="polly-neural", voice="nova", input="Oi.")


@pytest.mark.parametrize("what", ["kill", "interrupt"])
def test_a_task_that_is_lost_in_the_middle_is_replaced_and_the_work_is_done_once(
    client: OpenAI, watch: Watch, what: str
) -> None:
    before = len(watch.executions())
    long = " ".join(["This is a sentence that takes a while to say."] * 80)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: client.audio.speech.create(model="container", voice="echo", input=long).content)
        until(lambda: (watch.items.get(run_key()) or {}).get("phase") == "serving")
        (task,) = watch.live()
        watch.order(task, what)
        assert len(answer.result(LONG_S)) > 10_000
    until(watch.is_over)
    runs = watch.executions()[: len(watch.executions()) - before]
    statuses = sorted(one["status"] for one in runs)
    assert statuses in (["SUCCEEDED", "SUCCEEDED"], ["FAILED", "SUCCEEDED"], ["SUCCEEDED"]), statuses


def test_an_execution_that_is_stopped_leaves_nothing_on(client: OpenAI, watch: Watch) -> None:
    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    (task,) = watch.live()
    (execution,) = [one for one in watch.executions() if one["status"] == "RUNNING"]
    watch.place.emulator.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    until(watch.is_over)
    assert task.arn in [one.arn for one in watch.tasks() if not one.is_live]


def test_a_task_that_nobody_owns_ends_itself(watch: Watch) -> None:
    """By its cluster, also without a tag. Nobody waits for it: it ends itself, before a sweep has to."""
    ecs = watch.place.emulator.client("ecs")
    definitions = ecs.list_task_definitions()["taskDefinitionArns"]
    overrides = {"containerOverrides": [{"name": "abilities", "environment": [{"name": "RUN_ID", "value": "run_x"}]}]}
    ecs.run_task(cluster=watch.cluster.arn, taskDefinition=definitions[-1], overrides=overrides)
    assert len(watch.live()) == 1
    until(lambda: not watch.live())


def test_a_task_is_one_process_while_it_is_on_and_none_after(watch: Watch, place: Cloud, client: OpenAI) -> None:
    def processes() -> int:
        with urllib.request.urlopen(f"{place.emulator.url}{PATH}", timeout=300) as answer:
            return len(json.load(answer))

    client.audio.speech.create(model="container", voice="nova", input="Oi.")
    assert processes() == 1
    until(watch.is_over)
    assert processes() == 0


def test_patch_is_needed_while_the_emulators_tasks_are_records(unpatched: Emulator) -> None:
    ecs = unpatched.client("ecs")
    ecs.create_cluster(clusterName="ours")
    container = {"name": "one", "image": "x", "command": ["false"]}
    ecs.register_task_definition(family="one", containerDefinitions=[container])
    asked = {"cluster": "ours", "taskDefinition": "one", "clientToken": "the-same"}
    first, second = (ecs.run_task(**asked)["tasks"][0] for _ in range(2))
    assert first["taskArn"] != second["taskArn"], "AWS starts one"
    assert first["lastStatus"] == "RUNNING", "what it runs has ended"
    stopped = ecs.stop_task(cluster="ours", task=first["taskArn"])["task"]
    assert stopped["lastStatus"] == "STOPPED", "AWS waits for it"
