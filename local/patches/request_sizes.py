"""The largest requests that a REST API takes.

AWS: API Gateway refuses a body of more than 10 MB, and what Lambda refuses because the event, with the body as a text
in it, is larger than its 6 MB: both with the gateway response REQUEST_TOO_LARGE. (API Gateway Developer Guide, "Quotas"
and "Gateway response types"; Lambda Developer Guide, "Lambda quotas".)
Emulator: takes requests of any size.

Patch: both limits.
"""

import json
from typing import Any

from local.patches import Options

MOST_BODY_BYTES, MOST_EVENT_BYTES = 10 << 20, 6 << 20
SURELY_SMALL_BYTES = MOST_EVENT_BYTES // 7  # a byte takes six of JSON at most


def apply(options: Options) -> None:
    from ministack.services import apigateway_v1 as gateway

    original = gateway._invoke_lambda_proxy_v1

    async def invoke(integration: Any, *arguments: Any, **named: Any) -> Any:
        body = arguments[7] or b""
        told = {name: value for name, value in named.items() if not name.startswith("owner_")}
        if len(body) > MOST_BODY_BYTES:
            return gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        if len(body) > SURELY_SMALL_BYTES:
            event = gateway._build_lambda_event_v1(*arguments, **told)
            if len(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")) > MOST_EVENT_BYTES:
                return gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        return await original(integration, *arguments, **named)

    gateway._invoke_lambda_proxy_v1 = invoke
