"""The WebSocket API: `$connect`, `$disconnect`, and every frame that a client sends."""

import json
from typing import Any

from foreverus import logs
from foreverus.access.records import Caller
from foreverus.bootstrap.websocket import build
from foreverus.errors import RequestRejected


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = event["requestContext"]
    connection_id, live = request["connectionId"], build()
    if request["routeKey"] == "$connect":
        try:
            live.frames.opened(connection_id, _caller(request["authorizer"]))
        except RequestRejected as err:
            return {"statusCode": err.status, "headers": err.headers, "body": json.dumps(err.body())}
    elif request["routeKey"] == "$disconnect":
        live.frames.closed(connection_id)
    else:
        reply = live.frames.received(connection_id, event.get("body") or "")
        failed = {"request_id": request.get("requestId")} if reply.frame["type"] == "error" else {}
        live.push.post("", connection_id, json.dumps({**reply.frame, **failed}, ensure_ascii=False).encode())
        if reply.closes:
            live.push.close(connection_id)
    return {"statusCode": 200}


def _caller(said: dict[str, Any]) -> Caller:
    """Who connects, as the authorizer said."""
    key_id, ends_at = str(said.get("key_id") or ""), str(said.get("ends_at") or "")
    return Caller(user_id=said["user_id"], key_id=key_id, can_create_keys=False, ends_at=ends_at)
