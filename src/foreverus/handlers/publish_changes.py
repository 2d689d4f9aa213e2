"""The table's stream: every change of a session is shown to those who watch it."""

from typing import Any

from foreverus import bootstrap
from foreverus.live.changes import changed_sessions, publish


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    return {"frames": publish(changed_sessions(event), bootstrap.push())}
