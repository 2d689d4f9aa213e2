"""The steps of `batch_run`, each built when it is called: none pays for the others."""

import os
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, images, shared
from foreverus.bootstrap.batches import finisher
from foreverus.settings.batches import RunBatchSettings

if TYPE_CHECKING:
    from foreverus.batches.finishing import BatchEnd
    from foreverus.batches.input.validation import Validator
    from foreverus.batches.plan.planner import Planner
    from foreverus.batches.serving import GpuRounds


@cache
def validator() -> "Validator":
    from foreverus.batches.input.validation import Validator
    from foreverus.batches.store import BatchStore
    from foreverus.notifications.outbox import OutboxStore

    env = RunBatchSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    objects, outbox = aws.objects(env.data_bucket), OutboxStore(table)
    return Validator(
        BatchStore(table),
        objects,
        outbox,
        env.model_id,
        aws.clock,
        env.context_tokens,
        partial(images.line_rules, env),
    )


@cache
def planner() -> "Planner":
    from foreverus.batches.plan.planner import Planner
    from foreverus.batches.store import BatchStore
    from foreverus.choice.idle_time import expected_s
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    env = RunBatchSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    known = shared.deployment(env, expected_s(env.idle_seconds), env.max_gpus)
    sight = bedrock_price(env.images_model_id, aws.region())
    gpu_sees = env.model_id if env.gpu_model_sees else ""
    deployment = replace(known, sight_price=sight, images_by=images.in_words(env), gpu_sees=gpu_sees)
    return Planner(
        BatchStore(table), SessionStore(table), shared.purse(env.table_name, env.monthly_cap_usd), deployment, aws.clock
    )


@cache
def serving() -> "GpuRounds":
    from foreverus.aws.sqs import ShardQueue
    from foreverus.batches.serving import GpuRounds
    from foreverus.batches.store import BatchStore

    env = RunBatchSettings.from_env(os.environ)
    queue = ShardQueue(aws.client("sqs"), env.batch_queue_url)
    return GpuRounds(BatchStore(aws.items(env.table_name)), queue, shared.starter_of_more(env), aws.tasks(), aws.clock)


@cache
def end() -> "BatchEnd":
    from foreverus.batches.finishing import BatchEnd
    from foreverus.notifications.outbox import OutboxStore

    env = RunBatchSettings.from_env(os.environ)
    return BatchEnd(finisher(env), OutboxStore(aws.items(env.table_name)), aws.notifier(env.topic_arn))
