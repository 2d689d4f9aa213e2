"""The WebSocket API: `$connect`, `$disconnect`, and every frame that a client sends."""

import json
from typing import Any

from foreverus import logs
from foreverus.bootstrap.websocket import build
from foreverus.errors import RequestRejected


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = event["requestContext"]
    connection_id, live = request["connectionId"], build()
    if request["routeKey"] == "$connect":
        try:
            live.frames.opened(connection_id, request["authorizer"]["user_id"])
        except RequestRejected as err:
            return {"statusCode": err.status, "headers": err.headers, "body": json.dumps(err.body())}
    elif request["routeKey"] == "$disconnect":
        live.frames.closed(connection_id)
    else:
        frame = live.frames.received(connection_id, event.get("body") or "")
        live.push.post("", connection_id, json.dumps(frame, ensure_ascii=False).encode())
    return {"statusCode": 200}
