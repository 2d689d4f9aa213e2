"""Every five minutes: no accepted request stays without a queue message or a session."""

from typing import Any

from foreverus.bootstrap import sessions


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return sessions.rescuer().rescue()
