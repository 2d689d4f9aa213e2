"""What the sweep looks after, in this order: what people wait for comes first, and a batch that is lost gets no GPU."""

import os
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap.aws import client, clock, items, machine, notifier
from foreverus.bootstrap.batches import finisher
from foreverus.bootstrap.sessions import starter, starter_of_more, waiting_batches, waiting_messages

if TYPE_CHECKING:
    from foreverus.sweeps.sweep import Duty


def run() -> dict[str, list[str]]:
    """Raises SweepFailed."""
    from foreverus.sweeps.sweep import sweep

    return sweep(duties())


def duties() -> "dict[str, Duty]":
    from foreverus.aws.sqs import ChatQueue
    from foreverus.batches.finishing import BatchEnd
    from foreverus.batches.store import BatchStore
    from foreverus.notifications.outbox import OutboxStore
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore
    from foreverus.sweeps.batches import AbandonedBatches, BatchesWithoutGpu, UnnotifiedBatches
    from foreverus.sweeps.messages import StuckMessages

    env = settings.SweepSettings.from_env(os.environ)
    table, executions = items(env.table_name), machine(env.batch_run_arn)
    batches, sessions, pending = BatchStore(table), SessionStore(table), PendingWorkStore(table)
    outbox = OutboxStore(table)
    end = BatchEnd(finisher(env), outbox, notifier(env.topic_arn))
    return {
        "stuck messages": StuckMessages(
            pending=pending,
            queue=ChatQueue(client("sqs"), env.chat_queue_url),
            sessions=starter(env.table_name, env.gpu_session_arn, env.monthly_cap_usd),
            waiting=waiting_messages(env.table_name),
            newest=lambda: sessions.newest(1),
            clock=clock,
        ),
        "abandoned batches": AbandonedBatches(batches, executions, end, clock),
        "batches whose end nobody was told": UnnotifiedBatches(batches, outbox, executions, end),
        "batches without a GPU": BatchesWithoutGpu(
            batches, pending, starter_of_more(env), waiting_batches(env.table_name), sessions.live_session_ids
        ),
    }
