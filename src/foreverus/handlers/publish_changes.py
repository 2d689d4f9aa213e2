"""The table's stream: every change of a session is shown to those who watch it, and looked at for what it costs."""

from typing import Any

from foreverus import bootstrap
from foreverus.live.changes import changed_sessions, publish
from foreverus.sessions.pricing import watch_all


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    sessions = changed_sessions(event)
    frames = publish(sessions, bootstrap.push())
    watch_all(sessions, bootstrap.spend_watch())
    return {"frames": frames}
