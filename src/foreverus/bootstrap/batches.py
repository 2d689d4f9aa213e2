"""What the steps of `batch_run`, the sweep and the schedule are put together from."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap.aws import client, clock, items, machine, notifier, objects, region, tasks
from foreverus.bootstrap.sessions import starter_of_more

if TYPE_CHECKING:
    from foreverus.backends.bedrock import BedrockBackend
    from foreverus.batches.cost import BatchCosts
    from foreverus.batches.finishing import BatchEnd, Finisher
    from foreverus.batches.input.validation import Validator
    from foreverus.batches.plan.planner import Planner
    from foreverus.batches.scheduled import ScheduledBatches
    from foreverus.batches.service import BatchService
    from foreverus.batches.serving import Serving
    from foreverus.batches.shards.on_bedrock import OnBedrock

BEDROCK_CALLS = 32  # in flight at once, of one function; a new account's quota for Mistral 7B is hundreds a minute


def validator() -> "Validator":
    from foreverus.batches.input.validation import Validator
    from foreverus.batches.store import BatchStore
    from foreverus.notifications.outbox import OutboxStore

    env = settings.RunBatchSettings.from_env(os.environ)
    table = items(env.table_name)
    return Validator(BatchStore(table), objects(env.data_bucket), OutboxStore(table), env.model_id, clock)


def planner() -> "Planner":
    from foreverus.batches.plan.estimates import Deployment
    from foreverus.batches.plan.planner import Planner
    from foreverus.batches.store import BatchStore
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    env = settings.RunBatchSettings.from_env(os.environ)
    table = items(env.table_name)
    deployment = Deployment(
        region=region(),
        instance_types=tuple(env.instance_types.split(",")),
        idle_seconds=env.idle_seconds,
        max_gpus=env.max_gpus,
        bedrock_model_id=env.bedrock_model_id,
        bedrock_calls=BEDROCK_CALLS,
        bedrock_price=bedrock_price(env.bedrock_model_id, region()),
        monthly_cap_usd=env.monthly_cap_usd,
    )
    return Planner(BatchStore(table), SessionStore(table), LedgerStore(table), deployment, clock)


def serving() -> "Serving":
    from foreverus.aws.sqs import ShardQueue
    from foreverus.batches.serving import Serving
    from foreverus.batches.store import BatchStore

    env = settings.RunBatchSettings.from_env(os.environ)
    queue = ShardQueue(client("sqs"), env.batch_queue_url)
    return Serving(BatchStore(items(env.table_name)), queue, starter_of_more(env), tasks(), clock)


@cache
def bedrock(model_id: str) -> "BedrockBackend":
    from foreverus.backends.bedrock import BedrockBackend, config

    return BedrockBackend(client("bedrock-runtime", own=config(BEDROCK_CALLS)), model_id, BEDROCK_CALLS)


def on_bedrock() -> "OnBedrock":
    from foreverus.batches.shards.on_bedrock import OnBedrock
    from foreverus.batches.store import BatchStore

    env = settings.AnswerBatchSettings.from_env(os.environ)
    if not env.bedrock_model_id:
        raise settings.MissingSetting(settings.NO_BEDROCK)
    backend = bedrock(env.bedrock_model_id)
    return OnBedrock(
        store=BatchStore(items(env.table_name)),
        objects=objects(env.data_bucket),
        backend=backend,
        calls_at_once=BEDROCK_CALLS,
        clock=clock,
    )


def batch_costs(table_name: str, engine_slots: int, bedrock_model_id: str) -> "BatchCosts":
    """What batches have cost until now."""
    from foreverus.batches.cost import BatchCosts, Rates
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    rates = Rates(region(), engine_slots, bedrock_price(bedrock_model_id, region()))
    return BatchCosts(SessionStore(items(table_name)), rates, clock)


def batch_service(env: settings.BatchServiceSettings) -> "BatchService":
    """What the API's routes call, and the schedule."""
    from foreverus.batches.service import BatchService
    from foreverus.batches.store import BatchStore
    from foreverus.files.service import FileService
    from foreverus.files.store import FileStore

    table = items(env.table_name)
    return BatchService(
        store=BatchStore(table),
        files=FileService(FileStore(table), objects(env.data_bucket), clock),
        machine=machine(env.batch_run_arn),
        tasks=tasks(),
        bucket=env.data_bucket,
        cost_of=batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id),
        clock=clock,
    )


def finisher(env: settings.BatchEndSettings) -> "Finisher":
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.store import BatchStore
    from foreverus.costs.ledger import LedgerStore
    from foreverus.files.store import FileStore
    from foreverus.notifications.outbox import OutboxStore

    table = items(env.table_name)
    costs = batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id)
    return Finisher(
        BatchStore(table),
        objects(env.data_bucket),
        FileStore(table),
        costs,
        LedgerStore(table),
        OutboxStore(table),
        clock,
    )


def batch_end() -> "BatchEnd":
    from foreverus.batches.finishing import BatchEnd
    from foreverus.notifications.outbox import OutboxStore

    env = settings.RunBatchSettings.from_env(os.environ)
    return BatchEnd(finisher(env), OutboxStore(items(env.table_name)), notifier(env.topic_arn))


def scheduled() -> "ScheduledBatches":
    from foreverus.batches.schedule_store import ScheduleStore
    from foreverus.batches.scheduled import ScheduledBatches
    from foreverus.batches.store import BatchStore

    env = settings.StartScheduledBatchSettings.from_env(os.environ)
    table = items(env.table_name)
    return ScheduledBatches(
        service=batch_service(env),
        store=BatchStore(table),
        objects=objects(env.data_bucket),
        runs=ScheduleStore(table),
        notifier=notifier(env.topic_arn),
        bucket=env.data_bucket,
        clock=clock,
    )
