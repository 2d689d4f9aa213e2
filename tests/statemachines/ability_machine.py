"""Running ability_run on the emulator: one table, one cluster and one machine for each case. The task is a record: what
it answers is the case's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from foreverus.aws.ecs import Cluster, FargateTask
from local.emulator import Emulator
from tests.statemachines.definition import ABILITY_RUN
from tests.statemachines.emulated import (
    HANGS_S,
    TEST_CASE,
    answer_tokens,
    entered,
    follow,
    make_roles,
    make_stub,
    make_table,
    untimed,
)
from tests.statemachines.machine import Answer, success

READY: Answer = success(ready=True)
RUN = {"pk": {"S": "ABILITIES"}, "sk": {"S": "RUN"}}
STUB = """
def close(event, context):
    return {"reaped": [], "closed": event["ability_run"]}
"""


@dataclass(frozen=True)
class AbilityCase:
    """A way through the machine. `error` True: whatever it is called. `task`: what the task answers to its 1st, 2nd…
    token. `run_of`: another run that is on. `left_on`: a task is not stopped by the machine: closing is a stub here."""

    name: str
    path: tuple[str, ...]
    error: str | bool | None = None
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    task: tuple[Answer, ...] = (READY, success(outcome="idle"))
    run_of: str = ""
    substitutions: dict[str, str] = field(default_factory=dict)
    left_on: bool = False


@dataclass
class AbilityRunOf:
    case: AbilityCase
    status: str
    error: str | None
    cause: str | None
    path: list[str]
    tasks: list[FargateTask]
    asked: dict[str, Any]  # what RunTask was asked for last
    closed: dict[str, Any]  # what the closing function was given


class AbilityBench:
    """What all cases share: a role, a stub, a definition of a task without a command."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        for service in ("stepfunctions", "dynamodb", "ecs", "lambda"):
            emulator.client(service)  # made once, before eight threads want it
        self.role = make_roles(emulator)
        self.function = make_stub(emulator, "stub.close", STUB)
        made = emulator.client("ecs").register_task_definition(
            family="abilities",
            requiresCompatibilities=["FARGATE"],
            cpu="2048",
            memory="4096",
            networkMode="awsvpc",
            containerDefinitions=[{"name": "abilities", "image": "x"}],
        )
        self.definition = made["taskDefinition"]["taskDefinitionArn"]

    def run(self, case: AbilityCase) -> AbilityRunOf:
        states, run_id = self.emulator.client("stepfunctions"), f"run_{case.name}"
        item = {**RUN, "run_id": {"S": case.run_of or run_id}, "phase": {"S": "starting"}}
        make_table(self.emulator, case.name, item)
        cluster = self.emulator.client("ecs").create_cluster(clusterName=case.name)["cluster"]["clusterArn"]
        values = {
            "Partition": "aws",
            "TableName": case.name,
            "StackName": case.name,
            "ClusterArn": cluster,
            "TaskDefinitionArn": self.definition,
            "SubnetIds": "subnet-a,subnet-b",
            "SecurityGroupId": "sg-1",
            "ReapGpusFunctionArn": self.function,
            # Real seconds. A case that asks for one of these limits sets it to one; the others end what hangs.
            "ReadySeconds": str(HANGS_S),
            "HeartbeatSeconds": str(HANGS_S),
            "TaskMaxSeconds": str(HANGS_S),
            **case.substitutions,
        }
        machine = states.create_state_machine(
            name=case.name, roleArn=self.role, definition=untimed(ABILITY_RUN.render(values))
        )["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=f"{machine}#{TEST_CASE}", name=run_id, input="{}")
        arn = execution["executionArn"]
        follow(self.emulator, arn, lambda running: self._work(case, running))
        found = states.describe_execution(executionArn=arn)
        path, inputs = entered(self.emulator, arn)
        tasks = Cluster(self.emulator.client("ecs"), cluster).tasks()
        asked, closed = inputs.get("Start task", {}), inputs.get("Close run", {})
        return AbilityRunOf(case, found["status"], found.get("error"), found.get("cause"), path, tasks, asked, closed)

    def _work(self, case: AbilityCase, running: Callable[[], bool]) -> None:
        """The task: answers each new token in the run's item as the case says."""
        states, dynamodb = self.emulator.client("stepfunctions"), self.emulator.client("dynamodb")

        def token() -> str:
            item = dynamodb.get_item(TableName=case.name, Key=RUN, ConsistentRead=True)["Item"]
            return str(item.get("task_token", {}).get("S", ""))

        answer_tokens(states, case.task, token, running)
