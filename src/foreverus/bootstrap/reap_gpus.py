"""The reaper."""

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws, pools, shared

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
        metrics=aws.metrics(),
        most=timedelta(seconds=env.max_session_seconds),
        clock=aws.clock,
        renew_pools=pools.learning(env.table_name).renew,
    )
