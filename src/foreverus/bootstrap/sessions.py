"""What sessions are started, priced, closed, reaped and watched with."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap.aws import client, clock, items, machine, notifier, region, tasks

if TYPE_CHECKING:
    from foreverus.aws.push import WebSocketPush
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.conversations.on_bedrock import ChatsOnBedrock
    from foreverus.conversations.waiting import WaitingMessages
    from foreverus.live.frames import Frames
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.reaping import Reaper
    from foreverus.sessions.scheduled import ScheduledSessions
    from foreverus.sessions.spend_watch import SpendWatch
    from foreverus.sessions.start import SessionStarter


@dataclass(frozen=True)
class LiveServices:
    frames: "Frames"
    push: "WebSocketPush"


def starter(
    table_name: str, gpu_session_arn: str, monthly_cap_usd: float, idle_seconds: int | None = None
) -> "SessionStarter":
    """Starts the one GPU that is everybody's. `idle_seconds`: None for the state machine's own."""
    from foreverus.costs.ledger import LedgerStore
    from foreverus.sessions.start import SessionStarter
    from foreverus.sessions.store import SessionStore

    table = items(table_name)
    return SessionStarter(
        SessionStore(table), LedgerStore(table), machine(gpu_session_arn), idle_seconds, monthly_cap_usd, clock
    )


def starter_of_more(env: settings.SessionStartSettings) -> "SessionStarter":
    """Starts as many GPUs as a batch is worth."""
    one = starter(env.table_name, env.gpu_session_arn, env.monthly_cap_usd)
    return replace(one, max_gpus=env.max_gpus, session_cap_usd=env.session_cap_usd)


def scheduled() -> "ScheduledSessions":
    from foreverus.sessions.scheduled import ScheduledSessions

    env = settings.StartScheduledSessionSettings.from_env(os.environ)
    return ScheduledSessions(starter(env.table_name, env.gpu_session_arn, env.monthly_cap_usd), notifier(env.topic_arn))


@cache
def push() -> "WebSocketPush":
    from foreverus.aws.push import WebSocketPush

    env = settings.WebSocketSettings.from_env(os.environ)
    return WebSocketPush(client("apigatewaymanagementapi", env.websocket_callback_url), items(env.table_name))


@cache
def live() -> LiveServices:
    """Everything behind the WebSocket."""
    from foreverus.conversations.store import ConversationStore
    from foreverus.live.connections import ConnectionStore
    from foreverus.live.frames import Frames
    from foreverus.sessions.store import SessionStore

    table = items(settings.WebSocketSettings.from_env(os.environ).table_name)
    frames = Frames(ConnectionStore(table), ConversationStore(table), SessionStore(table), clock)
    return LiveServices(frames, push())


@cache
def spend_watch() -> "SpendWatch":
    """What looks at every change of a session's record for prices to note and notices to give."""
    from foreverus.aws.ec2 import SpotPrices
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.price_book import PriceBook
    from foreverus.sessions.spend_watch import SpendWatch
    from foreverus.sessions.store import SessionStore

    env = settings.PublishChangesSettings.from_env(os.environ)
    prices = PriceBook(SpotPrices(client("ec2")).at, region())
    table = items(env.table_name)
    return SpendWatch(SessionStore(table), LedgerStore(table), notifier(env.topic_arn), prices.price_of)


def waiting_messages(table_name: str) -> "WaitingMessages":
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.store import ConversationStore
    from foreverus.conversations.waiting import WaitingMessages
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = items(table_name)
    return WaitingMessages(
        store=ConversationStore(table),
        pending=PendingWorkStore(table),
        answers=DynamoAnswers(table),
        push=push(),
        clock=clock,
        others=SessionStore(table).others,
    )


def waiting_batches(table_name: str) -> "WaitingBatches":
    from foreverus.batches.store import BatchStore
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = items(table_name)
    return WaitingBatches(BatchStore(table), PendingWorkStore(table), tasks(), SessionStore(table).live_session_ids)


def session_closer(env: settings.SessionStartSettings) -> "SessionCloser":
    from foreverus.aws.ec2 import SpotPrices
    from foreverus.costs.price_book import PriceBook
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.store import SessionStore

    table = items(env.table_name)
    return SessionCloser(
        store=SessionStore(table),
        starter=starter_of_more(env),
        waiting=(waiting_messages(env.table_name), waiting_batches(env.table_name)),
        diary=CapacityDiary(table),
        price_of=PriceBook(SpotPrices(client("ec2")).at, region()).price_of,
        region=region(),
        clock=clock,
    )


@cache
def closer() -> "SessionCloser":
    return session_closer(settings.CloseSessionSettings.from_env(os.environ))


def chats_on_bedrock() -> "ChatsOnBedrock":
    from foreverus.bootstrap.batches import BEDROCK_CALLS, bedrock
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.bedrock_budget import BedrockBudget
    from foreverus.conversations.on_bedrock import ChatsOnBedrock
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.meter import Caps
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    env = settings.AnswerChatsSettings.from_env(os.environ)
    if not env.bedrock_model_id:
        raise settings.MissingSetting(settings.NO_BEDROCK)
    table = items(env.table_name)
    store = SessionStore(table)
    budget = BedrockBudget(
        sessions=store,
        ledger=LedgerStore(table),
        price=bedrock_price(env.bedrock_model_id, region()),
        caps=Caps(env.monthly_cap_usd, env.session_cap_usd),
        region=region(),
        clock=clock,
    )
    return ChatsOnBedrock(
        pending=PendingWorkStore(table),
        answers=DynamoAnswers(table),
        sessions=store,
        backend=bedrock(env.bedrock_model_id),
        budget=budget,
        push=push(),
        context_tokens=env.context_tokens,
        calls_at_once=BEDROCK_CALLS,
        clock=clock,
    )


def count_reaped(stack_name: str) -> Callable[[int], None]:
    """Writes the metric as a whole line of the log, without what a logger puts before it: CloudWatch finds it there."""
    from foreverus.sessions.metrics import reaped_line

    def count(instances: int) -> None:
        sys.stdout.write(reaped_line(stack_name, instances, clock()) + "\n")
        sys.stdout.flush()

    return count


@cache
def reaper() -> "Reaper":
    from foreverus.aws.ec2 import Fleet
    from foreverus.notifications.outbox import OutboxStore
    from foreverus.sessions.reaping import Reaper
    from foreverus.sessions.store import SessionStore

    env = settings.ReapGpusSettings.from_env(os.environ)
    table = items(env.table_name)
    return Reaper(
        gpus=Fleet(client("ec2"), env.stack_name),
        executions=machine(env.gpu_session_arn),
        sessions=SessionStore(table),
        closer=session_closer(env),
        outbox=OutboxStore(table),
        notifier=notifier(env.topic_arn),
        count=count_reaped(env.stack_name),
        most=timedelta(seconds=env.max_session_seconds),
        clock=clock,
    )
