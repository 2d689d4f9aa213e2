"""What ends a session, and what is in work or waits while one is live."""

from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, pools, shared
from foreverus.bootstrap.batches import waiting_batches

if TYPE_CHECKING:
    from foreverus.conversations.waiting import WaitingMessages
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.work import SessionWork
    from foreverus.settings.parts import SessionCloserSettings


def waiting_messages(table_name: str) -> "WaitingMessages":
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.store import ConversationStore
    from foreverus.conversations.waiting import WaitingMessages
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(table_name)
    return WaitingMessages(
        store=ConversationStore(table),
        pending=PendingWorkStore(table),
        answers=DynamoAnswers(table),
        push=aws.push(),
        clock=aws.clock,
        others=SessionStore(table).others,
        metrics=aws.metrics(),
    )


def session_work(table_name: str) -> "SessionWork":
    """What is in work while a session is live, for those who may end it."""
    from foreverus.batches.records import BatchRef, finished_lines
    from foreverus.batches.store import BatchStore
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore
    from foreverus.sessions.work import LinesOfBatch, SessionWork

    table = aws.items(table_name)
    batches = BatchStore(table)

    def lines_of(user_id: str, batch_id: str) -> LinesOfBatch | None:
        batch = batches.get(BatchRef(user_id, batch_id))
        if batch is None or batch.is_over or batch.total is None:
            return None
        return LinesOfBatch(batch.total, batch.total - finished_lines(batches.shards(batch_id)))

    return SessionWork(PendingWorkStore(table), lines_of, SessionStore(table).live_session_ids)


def session_closer(env: "SessionCloserSettings") -> "SessionCloser":
    from foreverus.aws.ec2 import SpotPrices
    from foreverus.costs.database import wake_usd
    from foreverus.costs.price_book import PriceBook
    from foreverus.costs.receipt import elsewhere
    from foreverus.sessions.baking import BakesOver
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.store import SessionStore

    table = aws.items(env.table_name)
    return SessionCloser(
        store=SessionStore(table),
        starter=shared.starter_of_more(env),
        waiting=(waiting_messages(env.table_name), waiting_batches(env.table_name)),
        diary=CapacityDiary(table),
        price_of=PriceBook(SpotPrices(aws.client("ec2")).at, aws.region()).price_of,
        region=aws.region(),
        clock=aws.clock,
        end_bake=BakesOver(aws.tasks()),
        database_usd=0.0 if env.database == "none" else wake_usd(),
        elsewhere=elsewhere(env.bedrock_model_id, aws.region()),
        machine_log_group=env.machine_log_group,
        metrics=aws.metrics(),
        learn=pools.learning(env.table_name).learn,
    )
