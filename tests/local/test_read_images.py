"""Images that our own container reads, on the laptop's cloud: OpenAI's client and a conversation, the whole way."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from botocore.exceptions import ClientError
from openai import OpenAI

from foreverus.aws.ability_keys import run_key
from foreverus.aws.dynamo import Table
from local.cloud import Cloud, running
from local.emulator import ACCOUNT, REGION, Emulator
from local.state import LOCAL
from tests.cloud import policy, unique
from tests.local.batches import finished, line, lines_of, submit
from tests.local.batches import openai as openai_client
from tests.local.machines import make_role
from tests.local.test_authorization import as_role
from tests.local.test_containers import until
from tests.local.test_images import NOTE, WORDS, asking
from tests.unit.abilities.images import png_that_claims

pytestmark = pytest.mark.cloud

BOMB = png_that_claims(20_000, 10_000)


@pytest.fixture(scope="module")
def place() -> Iterator[Cloud]:
    parameters = {"Images": "container", "TaskIdleSeconds": "6"}
    state = LOCAL / "tests" / unique("read-images")
    with running(state, lambda text: None, usual_ports=False, wait_scale=0.1, parameters=parameters) as cloud:
        yield cloud


def left_behind(place: Cloud) -> list[str]:
    """Of runs and of pictures."""
    table = Table(place.emulator.client("dynamodb"), place.stack["TableName"])
    s3, bucket = place.emulator.client("s3"), place.stack["DataBucket"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix="pictures/").get("Contents", [])
    return [one["Key"] for one in found] + ([str(run_key())] if table.get(run_key()) else [])


def test_openais_client_is_answered_from_the_text_in_a_picture_and_nothing_stays(place: Cloud) -> None:
    with OpenAI(base_url=place.outputs["api_url"], api_key=place.outputs["api_key"], max_retries=5) as client:
        model = client.models.list().data[0].id
        plain = client.chat.completions.create(model=f"{model}@bedrock", messages=asking(), max_tokens=24)
        read = client.chat.completions.create(model=model, messages=asking(NOTE), max_tokens=24, temperature=0)
        assert read.model == f"{model}@bedrock" and read.choices[0].message.content
        assert plain.usage and read.usage and read.usage.prompt_tokens > plain.usage.prompt_tokens + 30, "its text"
        with pytest.raises(openai.BadRequestError, match="cannot be decoded"):
            client.chat.completions.create(model=model, messages=asking(png_that_claims(3000, 3000)))
        with pytest.raises(openai.BadRequestError, match="a side has at most 8,000"):
            client.chat.completions.create(model=model, messages=asking(BOMB))
        with pytest.raises(openai.NotFoundError, match="Voice is 'off'"):
            client.audio.speech.create(model="container", voice="nova", input="Oi.")
        usage: Any = client.get("/usage", cast_to=object, options={"params": {"group_by": "backend"}})
        (own,) = [one for one in usage["own"]["groups"] if one["backend"] == "container"]
        assert own["messages"] == 1 and own["usd"] == 0
    until(lambda: not left_behind(place))


def test_message_waits_for_the_container_and_says_what_was_read_and_that_nobody_sees(place: Cloud) -> None:
    until(lambda: not left_behind(place))
    headers = {"Authorization": f"Bearer {place.outputs['api_key']}"}
    with httpx.Client(base_url=place.outputs["api_url"], headers=headers, trust_env=False, timeout=300) as client:
        form = {"files": {"file": ("note.png", NOTE, "image/png")}, "data": {"purpose": "vision"}}
        uploaded = client.post("/files", **form).raise_for_status().json()
        table = Table(place.emulator.client("dynamodb"), place.stack["TableName"])
        assert table.get(run_key()), "who adds an image has it started"
        talk = client.post("/conversations", json={}).raise_for_status().json()["id"]
        asked = {"content": WORDS, "images": [uploaded["id"]], "max_tokens": 24}

        def posted() -> Any:
            """As the page does: the same message again, when it is told to come again."""
            answer = client.post(f"/conversations/{talk}/messages", json=asked, headers={"Idempotency-Key": "once"})
            if answer.status_code == 503:
                assert answer.json()["error"]["code"] in ("container_starting", "image_not_read"), answer.text
                assert int(answer.headers["Retry-After"]) > 0
                return None
            assert answer.status_code < 400, answer.text
            return answer.json()

        sent = until(posted)
        assert sent["answer"]["choice"]["numbers"]["images_read_by"] == "container"
        assert "ZEBRA 4471" in sent["message"]["images"][0]["text"]

        def answer() -> Any:
            found = client.get(f"/conversations/{talk}/messages").raise_for_status().json()["data"][1]
            return found if found["status"] in ("answered", "failed") else None

        found = until(answer)
        assert found["status"] == "answered" and found["usage"]["prompt_tokens"] > 60, found
        me = client.get("/me").raise_for_status().json()
        assert me["sees_images"] is True and me["has_voice"] is False, "the page takes images"
    until(lambda: not left_behind(place))


def test_lines_that_show_pictures_are_answered_from_the_text_in_them(place: Cloud) -> None:
    until(lambda: not left_behind(place))
    with openai_client(place) as client:
        asked = [
            line("plain", WORDS),
            line("read", "", messages=asking(NOTE)),
            line("broken", "", messages=asking(png_that_claims(3000, 3000))),
        ]
        batch = finished(client, submit(client, asked))
        assert batch.status == "completed" and batch.errors is None, batch
        said = {one["custom_id"]: one["response"]["body"] for one in lines_of(client, batch.output_file_id)}
        assert said["read"]["foreverus"] == {"images_read_by": "container"}
        assert said["read"]["model"] == said["plain"]["model"]
        assert said["read"]["usage"]["prompt_tokens"] > said["plain"]["usage"]["prompt_tokens"] + 30, "its text"
        (error,) = lines_of(client, batch.error_file_id)
        assert (error["custom_id"], error["error"]["code"]) == ("broken", "invalid_image")
        own = batch.model_extra["foreverus"]  # type: ignore[index]
        assert own["backend"] == "bedrock" and "read by our own container" in own["choice_text"]
    until(lambda: not left_behind(place))


def test_stolen_container_may_do_its_work_and_nothing_else(place: Cloud) -> None:
    """As its task's role, with what it could want of everybody else's. A condition that no item meets keeps what is
    allowed from happening."""
    iam, stack = place.emulator.client("iam"), place.stack
    found = place.emulator.client("cloudformation").describe_stack_resource(
        StackName=place.outputs["stack_name"], LogicalResourceId="AbilityTaskRole"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    with pytest.raises(ClientError):
        as_role(place.emulator, name, "s3")  # ECS alone gives it
    (only,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=only)["PolicyDocument"]
    role = make_role(place.emulator, "lambda", document if isinstance(document, str) else json.dumps(document))
    of = {service: as_role(place.emulator, role, service) for service in SERVICES}
    table, bucket = stack["TableName"], stack["DataBucket"]
    never = {"TableName": table, "ConditionExpression": "attribute_exists(nothing)"}

    def item(pk: str) -> dict[str, Any]:
        return {"pk": {"S": pk}, "sk": {"S": "x"}}

    for pk in ("USER#1", "CONVERSATION#1", "PURSE#2026-11", "SESSIONS", "MEMORIES#1", "DOCUMENTS#1"):
        refused(lambda pk=pk: of["dynamodb"].get_item(TableName=table, Key=item(pk)))
        refused(lambda pk=pk: of["dynamodb"].put_item(Item=item(pk), **never))
    for pk in ("ABILITIES", "ABILITY_JOB#1"):
        refused(lambda pk=pk: of["dynamodb"].put_item(Item=item(pk), **never))
        refused(lambda pk=pk: of["dynamodb"].delete_item(Key=item(pk), **never))
    refused(lambda: of["dynamodb"].update_item(Key=item("ABILITIES"), **never))
    refused(lambda: of["dynamodb"].scan(TableName=table))
    for key in ("files/user-1/file_1", "documents/user-1/doc_1/original", "exports/1", "weights/1", "worker/1"):
        refused(lambda key=key: of["s3"].get_object(Bucket=bucket, Key=key))
        refused(lambda key=key: of["s3"].put_object(Bucket=bucket, Key=key, Body=b""))
    refused(lambda: of["s3"].put_object(Bucket=bucket, Key="pictures/see_1", Body=b""))
    refused(lambda: of["s3"].delete_object(Bucket=bucket, Key="pictures/see_1"))
    refused(lambda: of["s3"].list_objects_v2(Bucket=bucket))
    refused(lambda: of["sqs"].send_message(QueueUrl=stack["ChatQueueUrl"], MessageBody="{}"))
    refused(lambda: of["sqs"].receive_message(QueueUrl=stack["ChatQueueUrl"]))
    refused(lambda: of["stepfunctions"].start_execution(stateMachineArn=stack["GpuSessionArn"]))
    refused(lambda: of["stepfunctions"].start_execution(stateMachineArn=stack["AbilityRunArn"]))
    refused(lambda: of["ecs"].list_tasks(cluster=stack["AbilityClusterArn"]))
    refused(lambda: of["ecs"].run_task(cluster=stack["AbilityClusterArn"], taskDefinition="foreverus-abilities"))
    refused(lambda: of["lambda"].list_functions())
    refused(lambda: of["iam"].list_roles())
    asked = {
        "modelId": "mistral.mistral-7b-instruct-v0:2",
        "messages": [{"role": "user", "content": [{"text": "Oi."}]}],
    }
    refused(lambda: of["bedrock-runtime"].converse(**asked))
    assert "Item" not in of["dynamodb"].get_item(TableName=table, Key=item("ABILITY_JOB#1")), "its work it may"


SERVICES = ("dynamodb", "s3", "sqs", "stepfunctions", "ecs", "lambda", "iam", "bedrock-runtime")


def refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    code = caught.value.response["Error"]["Code"]
    assert "AccessDenied" in code, caught.value


def test_patch_is_needed_while_the_emulator_looks_at_the_cluster_and_not_at_the_task(unpatched: Emulator) -> None:
    """local/patches/ecs_authorization.py: AWS authorizes StopTask on the task."""
    tasks = policy({"Action": "ecs:StopTask", "Resource": "arn:aws:ecs:*:*:task/ours/*"})
    ecs = as_role(unpatched, make_role(unpatched, "lambda", tasks), "ecs")
    unpatched.client("ecs").create_cluster(clusterName="ours")
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/ours/0123456789abcdef"
    with pytest.raises(ClientError, match="not authorized"):
        ecs.stop_task(cluster="ours", task=arn)
