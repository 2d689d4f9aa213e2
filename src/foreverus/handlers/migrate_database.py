"""The deployment's custom resource that brings PostgreSQL to the shape that this version needs."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.migrate_database import build
from foreverus.deployment.custom_resource import respond


def handler(event: dict[str, Any], context: Any) -> None:
    logs.start(event, context)
    respond(event, context, lambda _properties: {"Applied": ",".join(build().run())})
