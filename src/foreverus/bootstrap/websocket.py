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
    from foreverus.live.connections import ConnectionStore
    from foreverus.live.frames import Frames
    from foreverus.sessions.store import SessionStore

    table = aws.items(settings.WebSocketSettings.from_env(os.environ).table_name)
    frames = Frames(ConnectionStore(table), ConversationStore(table), SessionStore(table), aws.clock)
    return LiveServices(frames, aws.push())
