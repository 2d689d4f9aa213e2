"""What the Lambda Web Adapter makes of an event of API Gateway and of the web application's answer, in this process."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import httpx

from foreverus.openai_api.http import CONTEXT


def answer(event: dict[str, Any]) -> dict[str, Any]:
    """One event through the application, as the stack's environment puts it together."""
    from foreverus.bootstrap.chat_completions import build

    query = urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True)
    headers = {name: str(value) for name, value in (event.get("headers") or {}).items() if name.lower() != CONTEXT}
    headers |= {CONTEXT: json.dumps(event["requestContext"])}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(
                event["httpMethod"],
                event["path"] + (f"?{query}" if query else ""),
                content=(event.get("body") or "").encode("utf-8", "replace"),
                headers={name: value.encode("utf-8", "replace") for name, value in headers.items()},  # type: ignore[misc]
            )

    response = asyncio.run(ask())
    told = {name.title(): value for name, value in response.headers.items()}
    return {"statusCode": response.status_code, "headers": told, "body": response.text}
