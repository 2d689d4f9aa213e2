"""The schedule's sessions."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.sessions import StartScheduledSessionSettings

if TYPE_CHECKING:
    from foreverus.sessions.scheduled import ScheduledSessions


@cache
def build() -> "ScheduledSessions":
    from foreverus.sessions.scheduled import ScheduledSessions

    env = StartScheduledSessionSettings.from_env(os.environ)
    return ScheduledSessions(shared.starter(env), aws.notifier(env.topic_arn))
