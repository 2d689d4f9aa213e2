"""Tasks in ECS: found by their cluster, known by their tags. tests/local/test_containers.py asks an ECS."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus.aws.ecs import RUN_TAG, Cluster, FargateTask, _task
from tests.unit.conftest import Aws


class Known:
    """ECS with two tasks in our cluster, one of which is over."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, name: str) -> "Known":
        assert name == "list_tasks"
        return self

    def paginate(self, cluster: str, desiredStatus: str) -> list[dict[str, Any]]:
        return [{"taskArns": [f"{cluster}/{desiredStatus}"]}, {"taskArns": []}]

    def describe_tasks(self, cluster: str, tasks: list[str], include: list[str]) -> dict[str, Any]:
        self.asked.append({"cluster": cluster, "include": include})
        tags = [{"key": RUN_TAG, "value": "run_1"}]
        found = [{**ASKED, "taskArn": one, "lastStatus": one.rpartition("/")[2], "tags": tags} for one in tasks]
        return {"tasks": found}


def test_all_tasks_of_the_cluster_are_found_and_known_by_their_tag() -> None:
    known = Known()
    tasks = Cluster(known, "ours").tasks()
    assert [(one.arn, one.run_id, one.is_live) for one in tasks] == [
        ("ours/RUNNING", "run_1", True),
        ("ours/STOPPED", "run_1", False),
    ]
    assert known.asked == 2 * [{"cluster": "ours", "include": ["TAGS"]}]


@pytest.mark.parametrize("code", ["InvalidParameterException", "ClusterNotFoundException"])
def test_one_that_is_gone_is_stopped_already(code: str) -> None:
    stopped = []

    class Ecs:
        def stop_task(self, **asked: str) -> None:
            stopped.append(asked["task"])
            raise ClientError({"Error": {"Code": code, "Message": "The referenced task was not found."}}, "StopTask")

    Cluster(Ecs(), "arn:aws:ecs:us-east-1:123456789012:cluster/ours").stop("t", "a test")
    assert stopped == ["t"]


def test_no_cluster_has_no_task(aws: Aws) -> None:
    gone = Cluster(boto3.client("ecs"), "arn:aws:ecs:us-east-1:123456789012:cluster/gone")
    assert gone.tasks() == []


BEGAN, PULLED, ENDED = (datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in range(3))
ASKED = {"taskArn": "t", "createdAt": BEGAN, "cpu": "2048", "memory": "4096", "capacityProviderName": "FARGATE_SPOT"}


def test_it_is_paid_from_the_download_of_its_image_until_it_has_stopped() -> None:
    running = {**ASKED, "lastStatus": "RUNNING", "pullStartedAt": PULLED}
    assert _task(running) == FargateTask("t", "", "FARGATE_SPOT", 2.0, 4.0, PULLED)
    assert _task({**running, "lastStatus": "DEACTIVATING", "stoppingAt": ENDED}).is_live, "it costs until it is gone"
    stopped = _task({**running, "lastStatus": "STOPPED", "stoppedAt": ENDED})
    assert (stopped.began_at, stopped.ended_at) == (PULLED, ENDED)
    assert not _task({**ASKED, "lastStatus": "STOPPED"}).is_live, "one that never began"
