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


def batch_costs(table_name: str, engine_slots: int, bedrock_model_id: str) -> "BatchCosts":
    """What batches have cost until now."""
    from foreverus.batches.cost import BatchCosts, Rates
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    rates = Rates(aws.region(), engine_slots, bedrock_price(bedrock_model_id, aws.region()))
    return BatchCosts(SessionStore(aws.items(table_name)), rates, aws.clock)


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
        cost_of=batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id),
        once=shared.once(env.table_name),
        clock=aws.clock,
    )


def finisher(env: "BatchEndSettings") -> "Finisher":
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.store import BatchStore
    from foreverus.files.store import FileStore
    from foreverus.notifications.outbox import OutboxStore

    table = aws.items(env.table_name)
    costs = batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id)
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
