"""A WebSocket's authorizer that says "Unauthorized".

AWS: a Lambda authorizer that raises exactly that word refuses the handshake with 401; any other exception is a 500.
(API Gateway Developer Guide, "Control access to WebSocket APIs with AWS Lambda REQUEST authorizers".)
Emulator: does so for REST APIs, and answers 500 to both where a WebSocket connects.
"""

from contextvars import ContextVar
from typing import Any

from local.patches import Options

THREAD = "ministack-apigw-authorizer"  # how the emulator calls what runs an authorizer
FAILED = (500, "")


def apply(options: Options) -> None:
    from ministack.services import apigateway

    said: ContextVar[str] = ContextVar("said", default="")
    original_run, original_authorize = apigateway.run_reentrant, apigateway._authorize_ws_connect

    async def run(function: Any, *arguments: Any, **options: Any) -> Any:
        result = await original_run(function, *arguments, **options)
        if options.get("thread_name") == THREAD and isinstance(result, dict) and result.get("error"):
            body = result.get("body")
            said.set(str(body.get("errorMessage", "")) if isinstance(body, dict) else "")
        return result

    async def authorize(*arguments: Any) -> Any:
        said.set("")
        refusal, context = await original_authorize(*arguments)
        if refusal == FAILED and said.get() == "Unauthorized":
            return (401, "Unauthorized"), None
        return refusal, context

    apigateway.run_reentrant = run
    apigateway._authorize_ws_connect = authorize
