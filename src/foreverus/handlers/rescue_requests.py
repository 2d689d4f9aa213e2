"""Every five minutes: no accepted request stays without a queue message or a session."""

from typing import Any

from foreverus import bootstrap


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return bootstrap.rescuer().rescue()
