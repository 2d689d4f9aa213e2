"""The reaper."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.sessions.reaping import Reaper


@cache
def build() -> "Reaper":
    from foreverus.aws.ec2 import Fleet
    from foreverus.notifications.outbox import OutboxStore
    from foreverus.sessions.reaping import Reaper
    from foreverus.sessions.store import SessionStore

    env = settings.ReapGpusSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    return Reaper(
        gpus=Fleet(aws.client("ec2"), env.stack_name),
        executions=aws.machine(env.gpu_session_arn),
        sessions=SessionStore(table),
        closer=shared.session_closer(env),
        outbox=OutboxStore(table),
        notifier=aws.notifier(env.topic_arn),
        count=count_reaped(env.stack_name),
        most=timedelta(seconds=env.max_session_seconds),
        clock=aws.clock,
    )


def count_reaped(stack_name: str) -> Callable[[int], None]:
    """Writes the metric as a whole line of the log, without what a logger puts before it: CloudWatch finds it there."""
    from foreverus.sessions.metrics import reaped_line

    def count(instances: int) -> None:
        sys.stdout.write(reaped_line(stack_name, instances, aws.clock()) + "\n")
        sys.stdout.flush()

    return count
