"""Takes people who have left out of every store: called when somebody leaves, and every five minutes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api.responses import Body
from foreverus.bootstrap.erase_people import run


def handler(event: Mapping[str, Any], context: Any) -> list[Body]:
    logs.start(event, context)
    return [asdict(one) for one in run()]
