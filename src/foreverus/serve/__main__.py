"""`python -m foreverus.serve`: the API as one process, until SIGTERM; requests in work end first.

Its settings are the variables of the functions that it stands for: docs/hosting.md says how to get them.
"""

import argparse
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from foreverus import logs
from foreverus.settings.base import MissingSetting

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

GRACE_S = 110  # less than the longest that ECS waits (120 s); a stream that takes longer is cut, and counted
KEEP_ALIVE_S = 75  # longer than a balancer keeps a connection (60 s), which else meets one that we are closing


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 where nobody can listen there, 2 where a setting is missing."""
    from foreverus.serve.application import application
    from foreverus.serve.functions import build

    given = _parser().parse_args(arguments)
    logs.configure()
    try:
        functions = build()
    except MissingSetting as err:
        sys.stderr.write(f"{err}. docs/hosting.md says where the settings come from.\n")
        return 2
    one = server(application(functions, given.https_only), given.host, given.port, given.grace)
    one.run(sockets=None if given.socket is None else [socket.socket(fileno=given.socket)])
    return 0 if one.started else 1


def server(app: "Starlette", host: str, port: int, grace_s: int) -> "uvicorn.Server":
    """It says neither what it is nor who asks; and believes no header about who does."""
    import uvicorn

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,
    )
    return uvicorn.Server(config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m foreverus.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    parser.add_argument("--socket", type=int, help="file descriptor of an open socket, instead of both")
    parser.add_argument("--https-only", action="store_true", help="refuse what came over HTTP (X-Forwarded-Proto)")
    parser.add_argument("--grace", type=int, default=GRACE_S, help=f"seconds for requests in work to end ({GRACE_S})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
