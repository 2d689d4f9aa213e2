"""Tasks on Fargate, found by their tags in a cluster that holds nobody else's."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

RUN_TAG = "foreverus:run"
STOPPED = "STOPPED"
MOST_DESCRIBED = 100  # DescribeTasks
_GONE = (
    "InvalidParameterException",
    "ClusterNotFoundException",
)  # of a task or a cluster that is not there


@dataclass(frozen=True, slots=True)
class FargateTask:
    """`run_id`: empty when somebody took its tag away: then no execution owns it. `provider`: FARGATE or FARGATE_SPOT.
    `began_at`: since when it is paid. `ended_at`: None while it may still be paid."""

    arn: str
    run_id: str
    provider: str
    vcpus: float
    gigabytes: float
    began_at: datetime
    ended_at: datetime | None = None
    definition: str = ""  # its ARN, with the revision

    @property
    def is_live(self) -> bool:
        return self.ended_at is None


class Cluster:
    def __init__(self, ecs: Any, arn: str):
        self.ecs = ecs
        self.arn = arn

    def tasks(self) -> list[FargateTask]:
        """All that are not gone, and those that ECS still knows of an hour or so after their end. By no filter but the
        cluster: a task without a tag is one too many all the same."""
        return [_task(one) for status in ("RUNNING", STOPPED) for one in self._described(self._listed(status))]

    def stop(self, arn: str, why: str) -> None:
        """SIGTERM, and SIGKILL after the task's grace. One that is gone already is a success. Raises ClientError where
        ECS refuses."""
        try:
            self.ecs.stop_task(cluster=self.arn, task=arn, reason=why[:255])
        except ClientError as err:
            if err.response["Error"]["Code"] not in _GONE:
                raise

    def _listed(self, status: str) -> list[str]:
        try:
            pages = self.ecs.get_paginator("list_tasks").paginate(cluster=self.arn, desiredStatus=status)
            return [arn for page in pages for arn in page["taskArns"]]
        except ClientError as err:
            if err.response["Error"]["Code"] == "ClusterNotFoundException":
                return []
            raise

    def _described(self, arns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(arns), MOST_DESCRIBED):
            some = arns[start : start + MOST_DESCRIBED]
            yield from self.ecs.describe_tasks(cluster=self.arn, tasks=some, include=["TAGS"])["tasks"]


def _task(one: Mapping[str, Any]) -> FargateTask:
    """Paid from when its image is fetched; one that is not there yet, from when it was asked for."""
    created: datetime = one["createdAt"]
    ended = one.get("stoppedAt") or one.get("executionStoppedAt") if one.get("lastStatus") == STOPPED else None
    return FargateTask(
        arn=str(one["taskArn"]),
        run_id=next((str(tag["value"]) for tag in one.get("tags", []) if tag["key"] == RUN_TAG), ""),
        provider=str(one.get("capacityProviderName") or ""),
        vcpus=int(one.get("cpu") or 0) / 1024,
        gigabytes=int(one.get("memory") or 0) / 1024,
        began_at=one.get("pullStartedAt") or created,
        ended_at=(ended or created) if one.get("lastStatus") == STOPPED else None,
        definition=str(one.get("taskDefinitionArn") or ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedTask:
    """What ECS tells when a task has stopped. `code`: its stopCode (`SpotInterruption`, `EssentialContainerExited`,
    …). `reason`: in ECS's words, which begin with an error's name where there is one; `container`: likewise of its
    container. `exit_code`: None where its container never ran."""

    arn: str
    run_id: str
    provider: str
    code: str = ""
    reason: str = ""
    container: str = ""
    exit_code: int | None = None

    @property
    def error(self) -> str:
        """The error that ECS names: `CannotPullContainerError`, `OutOfMemoryError`, …; empty: none.

        >>> StoppedTask(arn="a", run_id="r", provider="FARGATE", reason="CannotPullContainerError: pull: EOF").error
        'CannotPullContainerError'
        >>> StoppedTask(arn="a", run_id="r", provider="FARGATE", reason="Essential container in task exited").error
        ''
        """
        return next((found[1] for text in (self.container, self.reason) if (found := _NAMED.match(text))), "")


_NAMED = re.compile(r"([A-Z][A-Za-z]+(?:Error|Exception))\b")


def stopped_task(event: Mapping[str, Any]) -> StoppedTask:
    """Of an event of the type `ECS Task State Change` whose task has stopped. Raises KeyError without a detail or its
    task's ARN. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
    detail = event["detail"]
    containers: Sequence[Mapping[str, Any]] = detail.get("containers") or [{}]
    exit_code = containers[0].get("exitCode")
    return StoppedTask(
        arn=str(detail["taskArn"]),
        run_id=str(detail.get("startedBy") or ""),
        provider=str(detail.get("capacityProviderName") or ""),
        code=str(detail.get("stopCode") or ""),
        reason=str(detail.get("stoppedReason") or ""),
        container=str(containers[0].get("reason") or ""),
        exit_code=None if exit_code is None else int(exit_code),
    )
