"""One laptop's cloud that cases run in, one after the other, and what the harness may ask of it."""

import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import ClientError

from foreverus.aws.ecs import Cluster, FargateTask
from local import history
from local.cloud import Cloud, running
from local.deploy import AS_A_CLASS
from local.instances.places import Places
from local.patches.ecs_tasks import PATH as TASKS
from tests.faults import sockets

# The shortest that the template allows, so that a silence of a minute on AWS is one of seconds here.
PARAMETERS = {
    **AS_A_CLASS,
    "IdleSeconds": "5",
    "MaxSessionSeconds": "600",
    "BootTimeoutSeconds": "30",
    "BootHeartbeatSeconds": "10",
    "ServeHeartbeatSeconds": "3",
    "WorkerHeartbeatSeconds": "1",
    "VisibilitySeconds": "5",
    "ModelId": "counting",
    "Voice": "container",
    "Images": "container",
    "TaskIdleSeconds": "2",
    "EngineImageStore": "snapshot",  # what it does beside `none` is a look for the image, which may fail too
}
# Of our own container's machine: no parameters of the template, for an image takes as long on AWS as it takes.
READY_S, SILENT_S = 15, 12  # instead of 240 until it is ready and 30 of silence; it says every 5 that it is there
PACE = 40.0  # tokens a second of an engine's streams: slow enough to be struck in the middle of an answer
WAIT_SCALE = 0.01  # of the state machine's retry intervals: its half hour of tries becomes 20 s
FAULTS = "/_foreverus/faults"
LIVE = ["pending", "running", "stopping", "stopped"]
SCHEDULED = ("ReapGpusFunction", "SweepFunction", "StoreResultsFunction")
EVENT = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}
RECORD = re.compile(r"^(?=(?:asked|answered|shown): )", re.MULTILINE)
AGED = ("created_at", "claimed_at", "launched_at", "finalizing_at", "ended_at", "until")  # what the sweeps judge age by


class Sandbox:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.places = Places(Path(cloud.state.directory))
        self.table = cloud.stack["TableName"]
        self.machine = cloud.stack["GpuSessionArn"]
        self.batch_machine = cloud.stack["BatchRunArn"]
        self.bake_machine = cloud.stack["BakeImageArn"]
        self.ability_machine = cloud.stack["AbilityRunArn"]
        self.image_parameter = f"/{cloud.outputs['stack_name']}/gpu-image"
        self.seen: dict[str, dict[str, Any]] = {}  # instances: session, when seen first and last (monotonic)
        self.over: dict[str, float] = {}  # executions that have ended: when that was seen
        self.passed_s = 0.0  # simulated
        self.http = httpx.Client(base_url=cloud.emulator.url, timeout=20, trust_env=False)
        for service in ("ec2", "dynamodb", "sqs", "stepfunctions", "lambda", "ssm", "ecs", "s3", "iam"):
            cloud.emulator.client(service)
        self.functions = {logical(name): name for name in self._functions()}
        self._shorten_a_runs_waits()
        self.closing = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def _shorten_a_runs_waits(self) -> None:
        machines = self.client("stepfunctions")
        machine = json.loads(machines.describe_state_machine(stateMachineArn=self.ability_machine)["definition"])
        machine["States"]["Wait until ready"]["TimeoutSeconds"] = READY_S
        machine["States"]["Serve"]["HeartbeatSeconds"] = SILENT_S
        machines.update_state_machine(stateMachineArn=self.ability_machine, definition=json.dumps(machine))

    def close(self) -> None:
        self.closing.set()
        self.watcher.join(10)
        self.http.close()

    def client(self, service: str) -> Any:
        return self.cloud.emulator.client(service)

    def faults(self, op: str = "", **order: Any) -> dict[str, Any]:
        """Gives an order to the emulator's fault rules; returns what was called and struck."""
        answer = self.http.post(FAULTS, json={"op": op, **order}) if op else self.http.get(FAULTS)
        return dict(answer.raise_for_status().json())

    def seen_now(self) -> dict[str, Any]:
        """`executions`, `instances`, `states`, `held`: from the emulator's records, for looking often (local/faults).
        Whether something lives at the end is asked of EC2: `live_instances`."""
        return dict(self.http.get(f"{FAULTS}/seen").raise_for_status().json())

    def live_instances(self) -> list[str]:
        """As EC2 says."""
        filters = [
            {"Name": "tag:foreverus:stack", "Values": [self.cloud.outputs["stack_name"]]},
            {"Name": "instance-state-name", "Values": LIVE},
        ]
        found = self.client("ec2").describe_instances(Filters=filters)
        return [one["InstanceId"] for group in found["Reservations"] for one in group["Instances"]]

    def executions(self) -> dict[str, str]:
        """Of every machine: their names are sessions', batches' and runs' ids, and `bake_…`."""
        return dict(self.seen_now()["executions"])

    def running_functions(self) -> list[str]:
        """Lambdas that run just now: of what one is about to do the table shows nothing yet."""
        return list(self.seen_now()["functions"])

    def execution_arn(self, name: str) -> str:
        machines = {"batch": self.batch_machine, "bake": self.bake_machine, "run": self.ability_machine}
        machine = machines.get(name.partition("_")[0], self.machine)
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"

    def end_of(self, session_id: str) -> dict[str, Any]:
        return dict(self.client("stepfunctions").describe_execution(executionArn=self.execution_arn(session_id)))

    def states_of(self, session_id: str) -> list[str]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        events = [e for p in pages.paginate(executionArn=self.execution_arn(session_id)) for e in p["events"]]
        return [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]

    def live_tasks(self) -> list[str]:
        """Of our own container, as ECS says."""
        return [one.arn for one in self._tasks() if one.is_live]

    def runs_with_tasks(self) -> set[str]:
        return {one.run_id for one in self._tasks() if one.run_id.startswith("run_0")}

    def _tasks(self) -> list[FargateTask]:
        return Cluster(self.client("ecs"), self.cloud.stack["AbilityClusterArn"]).tasks()

    def images(self) -> list[str]:
        """Of the stack, as EC2 says."""
        found = self.client("ec2").describe_images(Owners=["self"], Filters=self._ours())
        return [one["ImageId"] for one in found["Images"]]

    def snapshots(self) -> list[str]:
        found = self.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=self._ours())
        return [one["SnapshotId"] for one in found["Snapshots"]]

    def published_image(self) -> str:
        """Empty: none."""
        found = self.client("ssm").get_parameters(Names=[self.image_parameter])["Parameters"]
        return str(found[0]["Value"]) if found else ""

    def _ours(self) -> list[dict[str, Any]]:
        return [{"Name": "tag:foreverus:stack", "Values": [self.cloud.outputs["stack_name"]]}]

    def items(self, pk: str = "") -> list[dict[str, Any]]:
        """Every item of the table (or of one partition), as DynamoDB has them."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"] if not pk or item["pk"]["S"] == pk]

    def sessions(self) -> list[dict[str, Any]]:
        """The records, oldest first."""
        return self.query("SESSIONS")

    def answer_status(self, conversation: str, message: str) -> str:
        """Asked from the table and not from the API: the harness's questions are no part of the system's calls."""
        found = [one for one in self.query(f"CONVERSATION#{conversation}") if one["sk"]["S"] == f"MESSAGE#{message}#1"]
        return str(found[0]["status"]["S"]) if found and "status" in found[0] else ""

    def query(self, pk: str) -> list[dict[str, Any]]:
        return list(
            self.client("dynamodb").query(
                TableName=self.table,
                KeyConditionExpression="pk = :p",
                ExpressionAttributeValues={":p": {"S": pk}},
                ConsistentRead=True,
            )["Items"]
        )

    def messages(self) -> list[str]:
        """Bodies of every message in the queues, hidden ones and dead letters too."""
        return [one["Body"] for one in self._queued()]

    def most_received(self) -> int:
        """How often the message that was delivered most often was delivered."""
        return max([0, *(int(one["ReceiveCount"]) for one in self._queued())])

    def _queued(self) -> list[dict[str, Any]]:
        accounts = self.http.get("/_ministack/sqs/messages").raise_for_status().json()["messages"]
        regions = [queues for account in accounts.values() for queues in account.values()]
        return [one for queues in regions for messages in queues.values() for one in messages]

    def asked(self, order: str) -> int:
        """How often the engines of this cloud were asked that."""
        return self._logged("asked", order)

    def answered(self, order: str) -> int:
        """How often they have answered it to the end."""
        return self._logged("answered", order)

    def _logged(self, kind: str, order: str) -> int:
        return sum(logged(log.read_text(), kind, order) for log in self.places.logs.glob("*-engine.log"))

    def bought(self, since: float) -> int:
        """Instances, since that time."""
        return sum(seen["first"] >= since for seen in self.seen.values())

    def rows(self, sql: str, **parameters: str) -> list[list[Any]]:
        """What PostgreSQL answers."""
        return history.rows(self.cloud, sql, **parameters)

    def refuse_bedrock(self) -> None:
        """As if Bedrock had throttled just now: what anybody sends goes to the GPU."""
        until = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}.000Z"
        item = {"pk": {"S": "BEDROCK"}, "sk": {"S": "THROTTLED"}, "until": {"S": until}}
        self.client("dynamodb").put_item(TableName=self.table, Item=item)

    def purge(self) -> None:
        for url in self.client("sqs").list_queues().get("QueueUrls", []):
            self.client("sqs").purge_queue(QueueUrl=url)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        answer = self.client("lambda").invoke(FunctionName=self.functions[function], Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read() or b"null")

    def five_minutes_pass(self, seconds: float = 360) -> list[str]:
        """As if that much time had gone by without an event: records are made older, then what is scheduled runs.
        Returns what of it has failed.

        Six minutes: the five of the schedule and the minute of grace that the reaper gives to a machine.
        """
        self.faults("pass", seconds=seconds)
        self.passed_s += seconds
        for item in self.items():
            for name in AGED:
                if item.get(name, {}).get("S") and (
                    item["pk"]["S"]
                    in ("SESSIONS", "GPU", "PENDING", "PENDING#BEDROCK", "BATCHES", "BEDROCK", "REQUESTS")
                    or item["sk"]["S"].startswith(("BATCH#", "RESERVED#", "LEASE"))
                ):
                    self._age(item, name, seconds)
        return [why for function in SCHEDULED if function in self.functions and (why := self._failure(function))]

    def _failure(self, function: str) -> str:
        """Of a scheduled call: the next five minutes bring it again."""
        try:
            answer = self.invoke(function, EVENT)
        except ClientError as problem:  # it is not there just now
            return f"{function}: {problem}"
        return f"{function}: {answer['errorMessage']}" if isinstance(answer, dict) and "errorMessage" in answer else ""

    def _age(self, item: dict[str, Any], name: str, seconds: float) -> None:
        then = datetime.fromisoformat(item[name]["S"].replace("Z", "+00:00")) - timedelta(seconds=seconds)
        stamp = f"{then:%Y-%m-%dT%H:%M:%S}.{then.microsecond // 1000:03d}Z"
        self.client("dynamodb").update_item(
            TableName=self.table,
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET #n = :v",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": {"S": stamp}},
        )

    def wipe(self) -> None:
        """Ends by force whatever a case left behind, so that the next one starts clean."""
        self.faults("clear")
        states, ec2, table = self.client("stepfunctions"), self.client("ec2"), self.client("dynamodb")
        running = [name for name, status in self.executions().items() if status == "RUNNING"]
        left = self.live_instances()
        for name in running:
            states.stop_execution(executionArn=self.execution_arn(name))
        if left:
            ec2.terminate_instances(InstanceIds=left)
        for arn in (tasks := self.live_tasks()):
            self.http.post(f"{TASKS}/{arn.rpartition('/')[2]}/kill")
        if running or left or tasks:
            time.sleep(3)  # for the reaper, who hears of the stop
        sockets.close_all(self.cloud, self.items())
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in self.items()]
        for start in range(0, len(keys), 25):
            deletes = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]]
            table.batch_write_item(RequestItems={self.table: deletes})
        self.purge()
        self._forget_images()
        self.faults("bury")

    def _forget_images(self) -> None:
        if self.published_image():
            self.client("ssm").delete_parameter(Name=self.image_parameter)
        for image_id in self.images():
            self.client("ec2").deregister_image(ImageId=image_id)
        for snapshot_id in self.snapshots():
            self.client("ec2").delete_snapshot(SnapshotId=snapshot_id)

    def _watch(self) -> None:
        """When each instance and execution was seen to end: a quarter of a second is exact enough for a bound."""
        while not self.closing.wait(0.25):
            try:
                there, now = self.seen_now(), time.monotonic()
            except Exception:  # the emulator restarts, or is gone with the sandbox
                continue
            for one, (session, state) in there["instances"].items():
                seen = self.seen.setdefault(one, {"session": session, "first": now, "passed": self.passed_s})
                if state in LIVE:
                    seen["last"] = now
                    seen["passed_last"] = self.passed_s
            for name, status in there["executions"].items():
                if status != "RUNNING":
                    self.over.setdefault(name, now + 0.0)

    def orphan_s(self, since: float) -> float:
        """How long the longest-lived orphan lived after its execution's end; simulated time counts."""
        lives = [
            seen["last"] - self.over[seen["session"]] + seen["passed_last"] - seen["passed"]
            for seen in self.seen.values()
            if seen["first"] >= since and "last" in seen and seen["session"] in self.over
        ]
        return round(max([0.0, *lives]), 2)

    def _functions(self) -> list[str]:
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        return [function["FunctionName"] for page in pages for function in page["Functions"]]


def logged(text: str, kind: str, order: str) -> int:
    """How many records of that kind an engine's log has of the order. A record has all that was asked, on as many lines
    as it has: what was read in an image stands before the order, and a system message does. It ends with it, as what
    is asked for a title does not, which has the question in the middle. Pure."""
    records = (one.partition(": ") for one in RECORD.split(text))
    return sum(name == kind and asked.splitlines()[-1:] == [order] for name, _, asked in records)


def logical(name: str) -> str:
    return next((part for part in name.split("-") if part.endswith("Function")), name)


@contextmanager
def sandbox(parameters: dict[str, str] | None = None) -> Iterator[Sandbox]:
    """A cloud of its own with the stack deployed, in a temporary directory."""
    from local.state import LOCAL

    runs = LOCAL / "faults"
    runs.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="cloud-", dir=runs))
    directory.chmod(0o755)
    options: dict[str, Any] = {"usual_ports": False, "wait_scale": WAIT_SCALE, "faults": True, "pace": PACE}
    try:
        with running(directory, lambda text: None, parameters={**PARAMETERS, **(parameters or {})}, **options) as cloud:
            one = Sandbox(cloud)
            try:
                yield one
            finally:
                one.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
