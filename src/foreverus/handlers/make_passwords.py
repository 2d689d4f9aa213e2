"""The deployment's custom resource that makes the database's passwords before there is one."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.make_passwords import build
from foreverus.deployment.custom_resource import respond


def handler(event: dict[str, Any], context: Any) -> None:
    logs.start(event, context)
    respond(event, context, lambda found: build().make(found), undo=lambda found: build().forget(found))
