"""IAM for tasks.

AWS: StopTask and DescribeTasks are authorized on each task, with its tags as `aws:ResourceTag/…`; ListTasks on no task,
and all of them, and RunTask, know the cluster as `ecs:cluster`. (Service Authorization Reference, "Amazon Elastic
Container Service".)
Emulator: authorizes all of them on the cluster, and knows no such key.

Patch: on the tasks; ListTasks on `*`. `states_role` asks for what RunTask needs of a state machine.
"""

import json
from typing import Any

from local.patches import Options

CLUSTER = "ecs:cluster"
OF_TASKS = ("StopTask", "DescribeTasks")


class OfCluster(str):
    """What is authorized, with its cluster's ARN: the emulator passes one text on from finding it to judging it."""

    cluster: str

    def __new__(cls, arn: str, cluster: str) -> "OfCluster":
        made = super().__new__(cls, arn)
        made.cluster = cluster
        return made


def cluster_arn(named: str, region: str, account: str) -> str:
    return named if named.startswith("arn:") else f"arn:aws:ecs:{region}:{account}:cluster/{named or 'default'}"


def task_arn(named: str, cluster: str) -> str:
    """`cluster`: its ARN."""
    return named if named.startswith("arn:") else f"{cluster.replace(':cluster/', ':task/')}/{named}"


def apply(options: Options) -> None:
    from ministack.core import iam_actions, iam_evaluator

    original_resource, original_enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *others: Any) -> str:
        operation = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        if service != "ecs" or operation not in (*OF_TASKS, "ListTasks"):
            return str(original_resource(service, method, path, headers, body, *others))
        asked = json.loads(body or b"{}")
        cluster = cluster_arn(str(asked.get("cluster", "")), others[1], others[2])
        tasks = [asked["task"]] if "task" in asked else asked.get("tasks", [])
        return OfCluster(task_arn(tasks[0], cluster) if tasks else "*", cluster)

    def enforce(
        access_key_id: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        cluster = getattr(resource_arn, "cluster", "")
        keys = {**(service_context or {}), **({CLUSTER: cluster} if cluster else {})}
        return original_enforce(access_key_id, action, service, region, resource_arn, keys)

    iam_actions.extract_resource_arn, iam_evaluator.enforce = resource, enforce


def run_task_checks(arguments: dict[str, Any], place: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """What RunTask asks IAM: of the task's definition, of both roles that it passes on, and of the tags."""
    from ministack.services import ecs

    cluster = cluster_arn(str(arguments.get("Cluster", "")), place.region, place.account_id)
    definition = ecs._task_defs.get(ecs._resolve_td_key(arguments["TaskDefinition"])) or {}
    tags = {one["Key"]: one["Value"] for one in arguments.get("Tags") or []}
    tagged = {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": list(tags)}
    arn = str(definition.get("taskDefinitionArn") or arguments["TaskDefinition"])
    found = [("ecs:RunTask", arn, {CLUSTER: cluster, **(tagged if tags else {})})]
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    roles = (definition.get("executionRoleArn"), definition.get("taskRoleArn"))
    found += [("iam:PassRole", str(role), passed) for role in roles if role]
    if tags:
        found.append(("ecs:TagResource", task_arn("*", cluster), {"ecs:CreateAction": "RunTask", **tagged}))
    return found
