"""What the sweep looks after, in this order: what people wait for first; a batch that is lost gets no GPU."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.bootstrap.batches import finisher, waiting_batches
from foreverus.settings.upkeep import SweepSettings

if TYPE_CHECKING:
    from foreverus.conversations.bedrock.lost import LostMessages
    from foreverus.sweeps.sweep import Duty


def run() -> dict[str, list[str]]:
    """Raises SweepFailed."""
    from foreverus.sweeps.sweep import sweep

    return sweep(duties())


def duties() -> "dict[str, Duty]":
    from foreverus.batches.finishing import BatchEnd
    from foreverus.batches.store import BatchStore
    from foreverus.conversations.idle import IdleConversations
    from foreverus.conversations.store import ConversationStore
    from foreverus.notifications.outbox import OutboxStore
    from foreverus.relay.store import RequestStore
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore
    from foreverus.sweeps.batches import AbandonedBatches, BatchesWithoutGpu, UnnotifiedBatches
    from foreverus.sweeps.conversations import UnusedConversations
    from foreverus.sweeps.files import ExpiredFiles
    from foreverus.sweeps.requests import ExpiredRequests
    from foreverus.sweeps.reservations import LostReservations
    from foreverus.sweeps.secrets import SecretsLeftOver

    env = SweepSettings.from_env(os.environ)
    table, executions = aws.items(env.table_name), aws.machine(env.batch_run_arn)
    batches, sessions, pending = BatchStore(table), SessionStore(table), PendingWorkStore(table)
    outbox, files = OutboxStore(table), shared.file_service(env.table_name, env.data_bucket)
    end = BatchEnd(finisher(env), outbox, aws.notifier(env.topic_arn))
    return {
        **_chats(env),
        **_measures(env),
        "abandoned batches": AbandonedBatches(batches, executions, end, aws.clock),
        "batches whose end nobody was told": UnnotifiedBatches(batches, outbox, executions, end),
        "batches without a GPU": BatchesWithoutGpu(
            batches,
            pending,
            shared.starter_of_more(env),
            waiting_batches(env.table_name),
            sessions.live_session_ids,
        ),
        "unused conversations": UnusedConversations(
            ConversationStore(table), IdleConversations(table), env.conversation_retention_days, aws.clock
        ),
        "lost reservations": LostReservations(shared.purse(env.table_name), sessions, batches.open_batches, aws.clock),
        "secrets left over": SecretsLeftOver(aws.lent_secrets(env.table_name)),
        "expired requests": ExpiredRequests(RequestStore(table, aws.clock), aws.clock),
        "expired files": ExpiredFiles(files.store, files.objects, aws.clock, files.look_after),
    }


@cache
def _measures(env: SweepSettings) -> "dict[str, Duty]":
    """Kept: what was said last time is not said again."""
    from foreverus.aws.sqs import DeadLetters
    from foreverus.costs.ledger import LedgerStore
    from foreverus.sweeps.measures import DeadLetterQueues, MonthsCost

    queues = [DeadLetters(aws.client("sqs"), url) for url in env.dead_letter_queues.split(",") if url]
    return {
        "the month's cost": MonthsCost(
            LedgerStore(aws.items(env.table_name)), aws.metrics(), aws.clock, env.monthly_cap_usd
        ),
        "dead letters": DeadLetterQueues(queues, aws.metrics()),
    }


def _chats(env: SweepSettings) -> "dict[str, Duty]":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.aws.sqs import ChatQueue
    from foreverus.conversations.lease import LeaseStore
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sweeps.chats import StuckChats
    from foreverus.sweeps.messages import StuckMessages

    table = aws.items(env.table_name)
    pending, lost = PendingWorkStore(table), _lost_messages(env)
    queue, lease = ChatQueue(aws.client("sqs"), env.chat_queue_url), LeaseStore(table, aws.clock)
    function = LambdaFunction(aws.client("lambda"), env.answer_conversation_function)
    return {
        "stuck messages": StuckMessages(pending, queue, shared.starter(env), lost, aws.clock),
        "chats on Bedrock": StuckChats(pending, lease, function, lost, aws.clock),
    }


def _lost_messages(env: SweepSettings) -> "LostMessages":
    """Those that nobody came to answer."""
    from foreverus.conversations.bedrock.lost import LostMessages
    from foreverus.conversations.store import ConversationStore
    from foreverus.costs.prices import bedrock_price

    return LostMessages(
        store=ConversationStore(aws.items(env.table_name)),
        ends=(over := shared.takeover(env)).ends,
        takeover=over,
        push=aws.push(),
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        clock=aws.clock,
        metrics=aws.metrics(),
    )
