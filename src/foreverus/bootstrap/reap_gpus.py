"""The reaper."""

import os
import time
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, pools, shared
from foreverus.bootstrap.session_ends import session_closer
from foreverus.settings.sessions import ReapGpusSettings

if TYPE_CHECKING:
    from foreverus.abilities.containers.closing import RunCloser
    from foreverus.abilities.containers.stopping import StoppedTasks
    from foreverus.sessions.reaping import Reaper


@cache
def build() -> "Reaper":
    from foreverus.aws.ec2 import Fleet
    from foreverus.notifications.outbox import OutboxStore
    from foreverus.sessions.reaping import Reaper
    from foreverus.sessions.store import SessionStore

    env = ReapGpusSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    return Reaper(
        gpus=Fleet(aws.client("ec2"), env.stack_name),
        executions=aws.machine(env.gpu_session_arn),
        sessions=SessionStore(table),
        closer=session_closer(env),
        outbox=OutboxStore(table),
        notifier=aws.notifier(env.topic_arn),
        metrics=aws.metrics(),
        most=timedelta(seconds=env.max_session_seconds),
        clock=aws.clock,
        renew_pools=pools.learning(env.table_name).renew,
        sweep_tasks=lambda: runs().sweep(),
    )


@cache
def runs() -> "RunCloser":
    """Also of a stack that has no container of its own any more: what one has left is ended too."""
    from foreverus.abilities.containers.closing import RunCloser
    from foreverus.abilities.containers.records import longest_life
    from foreverus.abilities.containers.runs import RunStore
    from foreverus.aws.ecs import Cluster
    from foreverus.costs.containers import TASK, run_usd

    env = ReapGpusSettings.from_env(os.environ)
    longest = longest_life(env.task_max_seconds)
    return RunCloser(
        tasks=Cluster(aws.client("ecs"), env.ability_cluster),
        executions=aws.machine(env.ability_run_arn),
        runs=RunStore(aws.items(env.table_name), shared.purse(env.table_name)),
        clock=aws.clock,
        sleep=time.sleep,
        most=longest,
        most_usd=run_usd(TASK, longest.total_seconds()),
        metrics=aws.metrics(),
    )


@cache
def stopped_tasks() -> "StoppedTasks":
    from foreverus.abilities.containers.runs import RunStore
    from foreverus.abilities.containers.stopping import StoppedTasks

    env = ReapGpusSettings.from_env(os.environ)
    return StoppedTasks(
        mailbox=RunStore(aws.items(env.table_name), shared.purse(env.table_name)),
        tasks=aws.tasks(),
        clock=aws.clock,
        sleep=time.sleep,
    )
