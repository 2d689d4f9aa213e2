"""A web application's first request, as the Lambda Web Adapter makes it of an event: for `bench.cold_program`.

With the server's imports: they are a part of its cold start. What the adapter itself takes is not in it.
"""

import asyncio
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

CONTEXT = b"x-amzn-request-context"


def handler(module: ModuleType) -> Callable[[dict[str, Any], Any], None]:
    import uvicorn.lifespan.on
    import uvicorn.loops.asyncio
    import uvicorn.protocols.http.h11_impl  # noqa: F401

    def answer(event: dict[str, Any], context: object) -> None:
        app = module.build()
        headers = [(CONTEXT, json.dumps(event["requestContext"]).encode())]
        scope = {
            "type": "http",
            "method": event["httpMethod"],
            "path": event["path"],
            "raw_path": event["path"].encode(),
            "query_string": b"",
            "headers": headers,
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": event["body"].encode(), "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            raise RuntimeError(f"answered before AWS was called: {message}")

        asyncio.run(app(scope, receive, send))

    return answer
