"""Every five minutes: what a crash left undone comes to its end. The reaper is a function of its own."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.sweep import run


def handler(event: dict[str, Any], context: Any) -> dict[str, list[str]]:
    logs.start(event, context)
    return run()
