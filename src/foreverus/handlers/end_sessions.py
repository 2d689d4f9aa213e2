"""The deployment's custom resource that ends sessions and batches before the stack is deleted."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.end_sessions import build
from foreverus.deployment.custom_resource import respond


def handler(event: dict[str, Any], context: Any) -> None:
    logs.start(event, context)
    respond(event, context, lambda _properties: {}, undo=lambda found: build().end(found))
