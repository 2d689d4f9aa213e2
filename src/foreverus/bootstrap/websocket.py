"""Everything behind the WebSocket."""

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.people import WebSocketSettings

if TYPE_CHECKING:
    from foreverus.aws.push import WebSocketPush
    from foreverus.live.frames import Frames


@dataclass(frozen=True)
class LiveServices:
    frames: "Frames"
    push: "WebSocketPush"


@cache
def build() -> LiveServices:
    """Everything behind the WebSocket."""
    from foreverus.access.looks import Look
    from foreverus.access.store import ApiKeyStore
    from foreverus.aws.cognito import CognitoPeople
    from foreverus.conversations.store import ConversationStore
    from foreverus.limits.person import PersonLimits
    from foreverus.limits.records import PersonCaps
    from foreverus.limits.store import CountStore
    from foreverus.live.connections import ConnectionStore
    from foreverus.live.frames import Frames
    from foreverus.sessions.store import SessionStore

    env = WebSocketSettings.from_env(os.environ)
    table, push = aws.items(env.table_name), aws.push()
    limits = PersonLimits(CountStore(table), PersonCaps(open_sockets=env.person_open_sockets), aws.clock)
    people = CognitoPeople(aws.client("cognito-idp"), env.user_pool_id)
    frames = Frames(
        connections=ConnectionStore(table),
        conversations=ConversationStore(table),
        sessions=SessionStore(table),
        look=Look(ApiKeyStore(aws.items(env.keys_table_name)), people.is_active),
        clock=aws.clock,
        limits=limits,
        is_open=push.is_open,
    )
    return aws.lasting(LiveServices(frames, push))
