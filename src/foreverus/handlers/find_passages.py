"""Which passages of one person's documents fit a question: for the REST API, which has no login to PostgreSQL."""

from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.bootstrap.find_passages import build


def handler(event: Body, context: Any) -> object:
    logs.start(event, context)
    request = schemas.check("find_passages", event)
    return asdict(build().find(request["user_id"], request["question"]))
