"""The deployment's custom resource that puts the worker's package where GPU instances fetch it."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.publish_worker import build
from foreverus.deployment.custom_resource import respond


def handler(event: dict[str, Any], context: Any) -> None:
    logs.start(event, context)
    respond(event, context, lambda found: build().publish(found), undo=lambda found: build().withdraw(found))
