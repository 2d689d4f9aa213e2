"""What batches are put together from, in more than one Lambda."""

from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.batches.cost import BatchCosts
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.service import BatchService
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.settings.parts import BatchEndSettings, BatchServiceSettings


def waiting_batches(table_name: str) -> "WaitingBatches":
    from foreverus.batches.store import BatchStore
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(table_name)
    return WaitingBatches(BatchStore(table), PendingWorkStore(table), aws.tasks(), SessionStore(table).live_session_ids)


def batch_costs(env: "BatchServiceSettings | BatchEndSettings") -> "BatchCosts":
    """What batches have cost until now."""
    from foreverus.batches.cost import BatchCosts, Rates
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    region = aws.region()
    prices = bedrock_price(env.bedrock_model_id, region), bedrock_price(env.images_model_id, region)
    return BatchCosts(SessionStore(aws.items(env.table_name)), Rates(region, env.engine_slots, *prices), aws.clock)


def batch_service(env: "BatchServiceSettings") -> "BatchService":
    """What the API's routes call, and the schedule."""
    from foreverus.batches.input.source import BatchInputs
    from foreverus.batches.service import BatchService
    from foreverus.batches.store import BatchStore

    files = shared.file_service(env.table_name, env.data_bucket)
    return BatchService(
        store=BatchStore(aws.items(env.table_name)),
        inputs=BatchInputs(files, files.objects, env.data_bucket),
        machine=aws.machine(env.batch_run_arn),
        tasks=aws.tasks(),
        cost_of=batch_costs(env),
        once=shared.once(env.table_name),
        clock=aws.clock,
    )


def finisher(env: "BatchEndSettings") -> "Finisher":
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.store import BatchStore
    from foreverus.files.store import FileStore
    from foreverus.notifications.outbox import OutboxStore

    table = aws.items(env.table_name)
    costs = batch_costs(env)
    return Finisher(
        store=BatchStore(table),
        objects=aws.objects(env.data_bucket),
        files=FileStore(table),
        costs=costs,
        purse=shared.purse(env.table_name),
        outbox=OutboxStore(table),
        clock=aws.clock,
        retention_s=env.file_retention_days * 86_400,
    )
