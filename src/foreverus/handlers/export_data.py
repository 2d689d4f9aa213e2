"""Makes the exports that people have asked for: called for each, and every five minutes for what is not done yet."""

from collections.abc import Mapping
from typing import Any

from foreverus import logs
from foreverus.bootstrap.export_data import build


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    logs.start(event, context)
    return build().work(lambda: context.get_remaining_time_in_millis() / 1000)
