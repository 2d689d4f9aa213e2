"""Everything behind the WebSocket."""

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws

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
    from foreverus.conversations.store import ConversationStore
    from foreverus.limits.person import PersonLimits
    from foreverus.limits.records import PersonCaps
    from foreverus.limits.store import CountStore
    from foreverus.live.connections import ConnectionStore
    from foreverus.live.frames import Frames
    from foreverus.sessions.store import SessionStore

    env = settings.LiveSettings.from_env(os.environ)
    table, push = aws.items(env.table_name), aws.push()
    limits = PersonLimits(CountStore(table), PersonCaps(open_sockets=env.person_open_sockets), aws.clock)
    frames = Frames(
        ConnectionStore(table), ConversationStore(table), SessionStore(table), aws.clock, limits, push.is_open
    )
    return LiveServices(frames, push)
