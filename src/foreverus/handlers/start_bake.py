"""`bake_image`'s first step: a session whose GPU is prepared and offered, and serves nobody."""

from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.start_bake import build


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    logs.start(event, context)
    return build().start(**schemas.check("start_bake", event))
