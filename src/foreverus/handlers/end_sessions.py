"""The deployment's custom resources that end what is on: sessions and batches before the stack is deleted, runs of our
own container before it is switched off."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.end_sessions import build, containers
from foreverus.deployment.custom_resource import respond

CONTAINERS = "Custom::ContainersEnded"


def handler(event: dict[str, Any], context: Any) -> None:
    logs.start(event, context)
    if event.get("ResourceType") == CONTAINERS:
        respond(event, context, lambda found: containers().renew(found), undo=lambda found: containers().end(found))
    else:
        respond(event, context, lambda _properties: {}, undo=lambda found: build().end(found))
