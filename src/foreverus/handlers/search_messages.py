"""What one person said and was answered, by words: for the REST API, which has no login to PostgreSQL."""

from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.bootstrap.search_messages import build


def handler(event: Body, context: Any) -> object:
    logs.start(event, context)
    request = schemas.check("search_messages", event)
    return asdict(build().search(request["user_id"], request["words"], request["before"], request["most"]))
