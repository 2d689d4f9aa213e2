"""`bootstrap.py`'s other half: what the steps of `batch_run` and the scheduled batch are put together from.

Clients come from `bootstrap.client`, which keeps them.
"""

import os
from typing import TYPE_CHECKING

from foreverus import bootstrap, settings
from foreverus.bootstrap import client, clock, items, region

if TYPE_CHECKING:
    from foreverus.batches.cost import BatchCosts
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.objects import S3Objects
    from foreverus.batches.planning import Planner
    from foreverus.batches.service import BatchService
    from foreverus.batches.serving import Serving
    from foreverus.batches.validation import Validator
    from foreverus.sessions.notifications import SnsTopic

BEDROCK_CALLS = 32  # in flight at once, of one batch; a new account's quota for Mistral 7B is hundreds a minute


def objects(bucket: str) -> "S3Objects":
    from foreverus.batches.objects import S3Objects

    return S3Objects(client("s3"), bucket, clock)


def validator() -> "Validator":
    from foreverus.batches.store import BatchStore
    from foreverus.batches.validation import Validator

    env = settings.ValidateBatchSettings.from_env(os.environ)
    store = BatchStore(items(env.table_name))
    return Validator(store, objects(env.data_bucket), env.model_id, clock)


def planner() -> "Planner":
    from foreverus.batches.outlook import Deployment
    from foreverus.batches.planning import Planner
    from foreverus.batches.store import BatchStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    env = settings.PlanBatchSettings.from_env(os.environ)
    table = items(env.table_name)
    deployment = Deployment(
        region=region(),
        instance_types=tuple(env.instance_types.split(",")),
        idle_seconds=env.idle_seconds,
        max_gpus=env.max_gpus,
        bedrock_model_id=env.bedrock_model_id,
        bedrock_calls=BEDROCK_CALLS,
        bedrock_price=bedrock_price(env.bedrock_model_id, region()),
    )
    return Planner(BatchStore(table), SessionStore(table), deployment, clock)


def serving() -> "Serving":
    from foreverus.batches.queue import ShardQueue
    from foreverus.batches.serving import Serving
    from foreverus.batches.store import BatchStore
    from foreverus.sessions.start import SessionStarter
    from foreverus.sessions.store import SessionStore
    from foreverus.sessions.tasks import StepFunctionsTasks

    env = settings.ServeBatchSettings.from_env(os.environ)
    table = items(env.table_name)
    starter = SessionStarter(
        SessionStore(table),
        bootstrap.machine(env.gpu_session_arn),
        None,
        env.monthly_cap_usd,
        clock,
        env.max_gpus,
        env.session_cap_usd,
    )
    queue = ShardQueue(client("sqs"), env.batch_queue_url)
    return Serving(BatchStore(table), queue, starter, StepFunctionsTasks(client("stepfunctions")), clock)


def batch_costs(table_name: str, engine_slots: int, bedrock_model_id: str) -> "BatchCosts":
    """What batches have cost until now."""
    from foreverus.batches.cost import BatchCosts, Rates
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    rates = Rates(region(), engine_slots, bedrock_price(bedrock_model_id, region()))
    return BatchCosts(SessionStore(items(table_name)), rates, clock)


def batch_service(env: settings.ApiSettings) -> "BatchService":
    """What the API's routes call."""
    from foreverus.batches.files import FileService
    from foreverus.batches.files_store import FileStore
    from foreverus.batches.service import BatchService
    from foreverus.batches.store import BatchStore
    from foreverus.sessions.tasks import StepFunctionsTasks

    table = items(env.table_name)
    return BatchService(
        store=BatchStore(table),
        files=FileService(FileStore(table), objects(env.data_bucket), clock),
        machine=bootstrap.machine(env.batch_run_arn),
        tasks=StepFunctionsTasks(client("stepfunctions")),
        bucket=env.data_bucket,
        cost_of=batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id),
        clock=clock,
    )


def finisher() -> "Finisher":
    from foreverus.batches.files_store import FileStore
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.store import BatchStore

    env = settings.FinishBatchSettings.from_env(os.environ)
    table = items(env.table_name)
    costs = batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id)
    return Finisher(BatchStore(table), objects(env.data_bucket), FileStore(table), costs, clock)


def topic() -> "SnsTopic":
    """Where people are told of an end that the state machine could not tell them of."""
    from foreverus.sessions.notifications import SnsTopic

    return SnsTopic(client("sns"), settings.FinishBatchSettings.from_env(os.environ).topic_arn)
