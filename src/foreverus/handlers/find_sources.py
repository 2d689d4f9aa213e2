"""Which passages of its person's documents fit a question that waits: for those who answer it."""

from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.bootstrap.find_passages import build_for_questions


def handler(event: Body, context: Any) -> object:
    logs.start(event, context)
    request = schemas.check("find_sources", event)
    return asdict(build_for_questions().find(request["conversation_id"], request["message_id"]))
