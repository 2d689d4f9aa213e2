"""What is done to a machine, a queue, a database or an execution, at a moment. Each takes the running case."""

import contextlib
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from local import deploy
from local.instances import faults
from local.patches.ecs_tasks import PATH as TASKS

if TYPE_CHECKING:
    from tests.faults.batch import BatchPlay
    from tests.faults.play import Play

POSTGRES_DOWN_S = 4.0


def machine(play: "Play") -> str:
    """The machine that runs now. LookupError when there is none: this strike and this moment do not meet."""
    return list(faults.machines(play.sandbox.places))[-1]


def process(play: "Play", unit: str) -> int:
    return int(faults.machines(play.sandbox.places)[machine(play)][unit])


def worker_killed(play: "Play") -> None:
    os.kill(process(play, "worker"), signal.SIGKILL)


def engine_killed(play: "Play") -> None:
    os.kill(process(play, "engine"), signal.SIGKILL)


def worker_hung(play: "Play") -> None:
    os.kill(process(play, "worker"), signal.SIGSTOP)


def engine_hung(play: "Play") -> None:
    os.kill(process(play, "engine"), signal.SIGSTOP)


def network_cut_out(play: "Play") -> None:
    play.rule(kind="cut_out", instance=machine(play), times=0)


def network_cut_back(play: "Play") -> None:
    play.rule(kind="cut_back", instance=machine(play), times=0)


def heartbeat_refused(play: "Play") -> None:
    play.rule(kind="refused", action="states:SendTaskHeartbeat", instance=machine(play), times=0)


def spot_notice(play: "Play") -> None:
    faults.interrupt(play.sandbox.places, machine(play), in_seconds=3)


def terminated_from_outside(play: "Play") -> None:
    play.sandbox.client("ec2").terminate_instances(InstanceIds=[machine(play)])


def host_gone(play: "Play") -> None:
    """The instances' host is killed, and another one comes."""
    instances = play.sandbox.cloud.instances
    assert instances.process is not None
    os.kill(instances.process.pid, signal.SIGKILL)
    play.later(instances_restart)


def instances_restart(play: "Play") -> None:
    play.sandbox.cloud.instances.stop()
    play.sandbox.cloud.instances.start()


def execution_stopped(play: "Play") -> None:
    arn = play.sandbox.execution_arn(running(play))
    play.sandbox.client("stepfunctions").stop_execution(executionArn=arn)


def machine_timed_out(play: "Play") -> None:
    play.sandbox.faults("time_out", execution=running(play))


def running(play: "Play") -> str:
    found = play.sandbox.executions().items()
    return next(name for name, status in found if status == "RUNNING" and name[:4] == "ses_")


def message_duplicated(play: "Play") -> None:
    """SQS delivers the same message once more, beside the first (another group) and after it (the same group)."""
    message = play.accepted[-1]
    reference = {"message_id": message, "conversation_id": play.client.conversation, "user_id": play.user()}
    for number, group in enumerate((play.client.conversation, "beside")):
        play.sandbox.client("sqs").send_message(
            QueueUrl=play.sandbox.cloud.stack["ChatQueueUrl"],
            MessageBody=json.dumps(reference),
            MessageGroupId=group,
            MessageDeduplicationId=f"{message}-{number}-{time.monotonic_ns()}",
        )


def postgresql_down(play: "Play") -> None:
    play.sandbox.cloud.postgres.stop()
    play.later(lambda one: one.sandbox.cloud.postgres.start())


def sns_down(play: "Play") -> None:
    play.rule(kind="error", action="sns:*", times=0)


def emulator_restarted(play: "Play") -> None:
    """As after a crash of the control plane: records are kept, executions are over and no event tells of it."""
    play.sandbox.cloud.emulator.restart()


def every_worker_killed(play: "Play") -> None:
    """Whatever is bought dies while it answers: the session must give up after its last relaunch."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.3):
            for one in faults.machines(play.sandbox.places).values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(one["worker"]), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    play.when_over.append(over.set)


def cap_reached(play: "Play") -> None:
    """The session has cost as much as its cap: the cap is made that low."""
    session = play.sandbox.sessions()[-1]
    play.sandbox.client("dynamodb").update_item(
        TableName=play.sandbox.table,
        Key={"pk": session["pk"], "sk": session["sk"]},
        UpdateExpression="SET session_cap_usd = :cap ADD version :one",
        ExpressionAttributeValues={":cap": {"N": "0.0001"}, ":one": {"N": "1"}},
    )


def month_spent(play: "Play") -> None:
    """The month has cost more than its cap. Before anything was reserved in it the ledger alone says so."""
    play.spent_elsewhere = 1000.0
    month, usd = f"{datetime.now(UTC):%Y-%m}", {":usd": {"N": str(play.spent_elsewhere)}}
    for item, name, condition in (
        ("LEDGER", "spent_usd", {}),
        ("PURSE", "committed_usd", {"ConditionExpression": "attribute_exists(pk)"}),
    ):
        with contextlib.suppress(play.sandbox.client("dynamodb").exceptions.ConditionalCheckFailedException):
            play.sandbox.client("dynamodb").update_item(
                TableName=play.sandbox.table,
                Key={"pk": {"S": f"{item}#{month}"}, "sk": {"S": "TOTAL"}},
                UpdateExpression=f"ADD {name} :usd",
                ExpressionAttributeValues=usd,
                **condition,
            )


def answer_stopped(play: "Play") -> None:
    """The reader wants no more of the newest answer."""
    play.stopped.add(play.accepted[-1])
    play.client.call("DELETE", f"/conversations/{play.client.conversation}/messages/{play.accepted[-1]}")


def batch(play: "Play") -> "BatchPlay":
    from tests.faults.batch import BatchPlay

    assert isinstance(play, BatchPlay)
    return play


def batch_stopped(play: "Play") -> None:
    """StopExecution of batch_run."""
    name = next(one for one, status in play.sandbox.executions().items() if status == "RUNNING" and one[:6] == "batch_")
    play.sandbox.client("stepfunctions").stop_execution(executionArn=play.sandbox.execution_arn(name))


def bake_stopped(play: "Play") -> None:
    """StopExecution of bake_image."""
    name = next(one for one, status in play.sandbox.executions().items() if status == "RUNNING" and one[:5] == "bake_")
    play.sandbox.client("stepfunctions").stop_execution(executionArn=play.sandbox.execution_arn(name))


def cancelled(play: "Play") -> None:
    batch(play).client.call("POST", f"/batches/{batch(play).batch_id}/cancel")


def switched_off(play: "Play") -> None:
    """Somebody ends the session that the batch runs on."""
    play.client.call("DELETE", f"/sessions/{play.sandbox.sessions()[-1]['sk']['S']}")


def switched_off_by_another(play: "Play") -> None:
    """Somebody else of the team ends it: the batch goes on, elsewhere or later."""
    cloud = play.sandbox.cloud
    name = f"{uuid.uuid4().hex}@example.com"
    other = deploy.make_user(cloud.emulator, cloud.stack["UserPoolId"], deploy.new_password(), name)
    key = deploy.make_api_key(cloud.emulator, cloud.stack["KeysTableName"], other)
    session = play.sandbox.sessions()[-1]["sk"]["S"]
    address = f"{cloud.outputs['api_url']}/sessions/{session}"
    answer = httpx.delete(address, headers={"Authorization": f"Bearer {key}"}, timeout=35, trust_env=False)
    answer.raise_for_status()


def shards_duplicated(play: "Play") -> None:
    """SQS delivers each shard of the newest round once more."""
    record = batch(play).record()
    assert record is not None
    for shard in range(3):
        body = {"kind": "shard", "batch_id": batch(play).batch_id, "user_id": record["user_id"]["S"], "shard": shard}
        play.sandbox.client("sqs").send_message(
            QueueUrl=play.sandbox.cloud.stack["BatchQueueUrl"],
            MessageBody=json.dumps({**body, "round": int(record["round"]["N"])}),
        )


def task(play: "Play", what: str) -> None:
    """`interrupt`: as Spot does; `kill`. LookupError where none is on."""
    arn = play.sandbox.live_tasks()[0]
    play.sandbox.http.post(f"{TASKS}/{arn.rpartition('/')[2]}/{what}").raise_for_status()


def task_killed(play: "Play") -> None:
    task(play, "kill")


def task_interrupted(play: "Play") -> None:
    task(play, "interrupt")


def task_killed_unheard(play: "Play") -> None:
    """ECS's event is lost: the state machine's own limits have to do."""
    task(play, "told-nobody")
    task(play, "kill")


def image_gone(play: "Play") -> None:
    """The task on Spot is lost, and the next one cannot fetch its image."""
    play.sandbox.http.post(f"{TASKS}/next/cannot-pull").raise_for_status()
    task(play, "kill")


def stale_events(play: "Play") -> None:
    """ECS tells once more of tasks that are long gone: of this run and of another one."""
    arn, run = play.sandbox.live_tasks()[0], run_of(play)
    for detail in ({"taskArn": f"{arn}0", "startedBy": run}, {"taskArn": arn, "startedBy": "run_x"}):
        event = {"detail-type": "ECS Task State Change", "detail": {**detail, "stopCode": "TaskFailedToStart"}}
        play.sandbox.invoke("ReapGpusFunction", event)


def stray_task(play: "Play") -> None:
    """A task that no execution owns, in our cluster and without our tags."""
    ecs = play.sandbox.client("ecs")
    definition = ecs.list_task_definitions()["taskDefinitionArns"][-1]
    overrides = {"containerOverrides": [{"name": "abilities", "environment": [{"name": "RUN_ID", "value": "run_x"}]}]}
    cluster = play.sandbox.cloud.stack["AbilityClusterArn"]
    ecs.run_task(cluster=cluster, taskDefinition=definition, overrides=overrides)


def run_of(play: "Play") -> str:
    found = play.sandbox.executions().items()
    return next(name for name, status in found if status == "RUNNING" and name[:4] == "run_")


def run_stopped(play: "Play") -> None:
    arn = play.sandbox.execution_arn(run_of(play))
    play.sandbox.client("stepfunctions").stop_execution(executionArn=arn)


def run_timed_out(play: "Play") -> None:
    play.sandbox.faults("time_out", execution=run_of(play))


def jobs_duplicated(play: "Play") -> None:
    """SQS delivers each job twice more."""
    sqs = play.sandbox.client("sqs")
    url = next(one for one in sqs.list_queues()["QueueUrls"] if "AbilityQueue" in one)
    jobs = [one["pk"]["S"].partition("#")[2] for one in play.sandbox.items() if one["sk"]["S"] == "JOB"]
    for job_id in 2 * jobs:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"job_id": job_id}))
    next(iter(jobs))


def ability_off(play: "Play") -> None:
    """Voice and Images are deployed as off while a run is on, in CloudFormation's order: first the functions' rights
    and settings, then `ContainersEnded`. Afterwards they are on again."""
    functions, iam = play.sandbox.client("lambda"), play.sandbox.client("iam")
    name = play.sandbox.functions["ChatCompletionsFunction"]
    found = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    before = {key: str(value) for key, value in found.items()}
    roles = [one["RoleName"] for one in iam.list_roles(MaxItems=1000)["Roles"]]
    role = next(name for name in roles if "ChatCompletionsFunctionRole" in name)
    machine = play.sandbox.ability_machine
    taken = [
        {"Effect": "Deny", "Action": "states:StartExecution", "Resource": machine},
        {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:*AbilityQueue*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": ["arn:aws:s3:::*/audio/*", "arn:aws:s3:::*/pictures/*"]},
    ]

    def on_again(one: "Play") -> None:
        iam.delete_role_policy(RoleName=role, PolicyName="off")
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})

    play.when_over.append(lambda: on_again(play))
    policy = json.dumps({"Version": "2012-10-17", "Statement": taken})
    iam.put_role_policy(RoleName=role, PolicyName="off", PolicyDocument=policy)
    off = {**before, "VOICE": "off", "IMAGES": "off"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": off})
    event = {"RequestType": "Delete", "ResourceType": "Custom::ContainersEnded", "ResourceProperties": {}}
    ends = play.sandbox.functions["EndSessionsFunction"]
    functions.invoke(FunctionName=ends, InvocationType="Event", Payload=json.dumps(event).encode())


def image_deleted(play: "Play") -> None:
    """Whose it is deletes an image that a message shows, or lines of a batch name."""
    play.client.call("DELETE", f"/files/{play.uploaded}")


def called_again(play: "Play") -> None:
    """Whoever calls the function that answers a conversation does so once more."""
    event = {"conversation_id": play.client.conversation, "user_id": play.user()}
    name = play.sandbox.functions["AnswerConversationFunction"]
    payload = json.dumps(event).encode()
    play.sandbox.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)


def images_switched_off(play: "Play") -> None:
    """Images is deployed as off while something shows one: the function's rights go, then its settings."""
    functions, iam = play.sandbox.client("lambda"), play.sandbox.client("iam")
    name = play.sandbox.functions[play.image_asker]
    found = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    before = {key: str(value) for key, value in found.items()}
    roles = [one["RoleName"] for one in iam.list_roles(MaxItems=1000)["Roles"]]
    role = next(one for one in roles if f"{play.image_asker}Role" in one)
    taken = [
        {"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*::foundation-model/amazon.*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*/files/*"},
    ]

    def on_again() -> None:
        iam.delete_role_policy(RoleName=role, PolicyName="off")
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})

    play.when_over.append(on_again)
    policy = json.dumps({"Version": "2012-10-17", "Statement": taken})
    iam.put_role_policy(RoleName=role, PolicyName="off", PolicyDocument=policy)
    off = {**before, "IMAGES": "off", "IMAGES_MODEL_ID": ""}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": off})


def container_replaced(play: "Play") -> None:
    """A deployment has another definition of the task: the one that is on is older than that."""
    newer = {"TaskDefinition": "arn:aws:ecs:us-east-1:000000000000:task-definition/foreverus-abilities:99"}
    event = {"RequestType": "Update", "ResourceType": "Custom::ContainersEnded", "ResourceProperties": newer}
    play.sandbox.live_tasks()[0]  # there is one
    play.sandbox.invoke("EndSessionsFunction", event)


PROCESS = (
    every_worker_killed,
    worker_killed,
    engine_killed,
    worker_hung,
    engine_hung,
    network_cut_out,
    network_cut_back,
    heartbeat_refused,
    spot_notice,
    terminated_from_outside,
    host_gone,
)
EXECUTION = (execution_stopped, machine_timed_out)
BESIDE = (message_duplicated, postgresql_down, sns_down)
SPOILING = (emulator_restarted,)  # after it a cloud is not good for another case: the emulator loses its own database
MONEY = (cap_reached, month_spent)
BATCH = (batch_stopped, cancelled, switched_off, switched_off_by_another, shards_duplicated)
STOPS = (answer_stopped,)
TASKS_STRUCK = (task_killed, task_interrupted, task_killed_unheard, image_gone, stale_events, stray_task)
CONTAINER = (*TASKS_STRUCK, run_stopped, run_timed_out, jobs_duplicated, ability_off, container_replaced)
IMAGES = (image_deleted, images_switched_off, called_again)
BAKE = (bake_stopped,)
SESSION = (*PROCESS, *EXECUTION, *BESIDE, *SPOILING)
STRIKES: dict[str, Callable[["Play"], None]] = {
    one.__name__: one for one in (*SESSION, *MONEY, *BATCH, *BAKE, *STOPS, *CONTAINER, *IMAGES)
}
