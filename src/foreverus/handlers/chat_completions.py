"""OpenAI's chat API, as a web server beside the Lambda Web Adapter, which makes HTTP requests of API Gateway's events.

There is no `handler(event, context)`: the adapter takes the runtime's place and starts chat_completions.sh.
"""

from foreverus import logs
from foreverus.bootstrap.chat_completions import build, port

KEEP_ALIVE_S = 86_400  # the connections of a frozen process are good when it wakes: the adapter ends them, never we


def serve() -> None:
    """Until Lambda ends the process."""
    import uvicorn

    logs.configure()
    uvicorn.run(
        build(),
        host="127.0.0.1",
        port=port(),
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )


if __name__ == "__main__":
    serve()
