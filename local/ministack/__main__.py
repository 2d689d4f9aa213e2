"""Starts MiniStack with our patches, on loopback, until SIGTERM.

Run by `.local/ministack/bin/python -m local.ministack` from the repository's root; local/emulator.py does so and sets
the environment (port, directories, authentication), opens the socket and passes it on. `--unpatched` starts it as it
is, for the tests that watch whether a patch is still needed.
"""

import argparse
import asyncio
import contextlib
import gc
import os
from pathlib import Path
from typing import Any

from local.patches import (
    Options,
    alarms_of_expressions,
    api_import,
    bedrock_converse,
    bedrock_stream,
    budgets_in_stacks,
    cognito_auth_time,
    cognito_revoke,
    ec2_authorization,
    ec2_fleet,
    ec2_images,
    ecs_authorization,
    ecs_tasks,
    iam_batches,
    iam_leading_keys,
    iam_policy_arn,
    iam_policy_variables,
    instance_changes,
    instance_credentials,
    lambda_errors,
    lambda_packages,
    polly,
    rds_data_api,
    request_sizes,
    sagemaker_runtime,
    saved_queries,
    scheduler_input,
    socket_authorizers,
    sqs_batch_traces,
    states_callbacks,
    states_errors,
    states_expressions,
    states_history,
    states_role,
    states_start,
    states_tasks,
    titan_embeddings,
    traces,
    transcribe,
    web_adapter,
    xray,
)

NONCE_PATH = "/_foreverus/nonce"
PATCHES = (
    alarms_of_expressions,
    api_import,
    bedrock_converse,
    bedrock_stream,
    budgets_in_stacks,
    cognito_auth_time,
    cognito_revoke,
    ec2_authorization,
    ec2_fleet,
    ec2_images,
    ecs_tasks,
    iam_batches,
    iam_leading_keys,
    iam_policy_arn,
    iam_policy_variables,
    instance_changes,
    instance_credentials,
    lambda_errors,
    lambda_packages,
    polly,
    rds_data_api,
    sagemaker_runtime,  # after both of Bedrock's: it streams as they do
    saved_queries,
    scheduler_input,
    socket_authorizers,
    sqs_batch_traces,
    states_callbacks,
    states_errors,
    states_expressions,
    states_history,
    states_start,
    states_tasks,
    titan_embeddings,  # after Bedrock's: it answers for one model in their place
    transcribe,
    ecs_authorization,  # after all that find what is authorized: they pass on a plain text
    states_role,  # after states_tasks: it asks which execution is running
    web_adapter,
    request_sizes,  # after web_adapter: it is asked first, also for what streams
    xray,
    traces,  # last: what it times is what the others have made of it
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unpatched", action="store_true", help="run the emulator as it is")
    parser.add_argument("--faults", action="store_true", help="take rules of local/faults")
    parser.add_argument("--counts", action="store_true", help="count what the system asks of AWS: local/counts")
    parser.add_argument("--postgres", type=Path, help="JSON file that says where our PostgreSQL is")
    parser.add_argument("--bedrock", help="address of the model behind Bedrock")
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of what it listens on")
    parser.add_argument("--nonce", required=True, help="what it answers, so that whoever started it knows it again")
    arguments = parser.parse_args()

    # Set before the import: the emulator reads its environment when its modules load.
    os.environ.setdefault("BIND_HOST", "127.0.0.1")
    os.environ.setdefault("AUTH", "true")

    from ministack import app as gateway

    if not arguments.unpatched:
        options = Options(postgres=arguments.postgres, bedrock=arguments.bedrock)
        for patch in PATCHES:
            patch.apply(options)
    if arguments.faults:
        from local.faults import inject

        inject.apply(Options(postgres=arguments.postgres))
    if arguments.counts:
        from local.counts import counted

        counted.apply()
    serve(known_by(arguments.nonce, gateway.app), arguments.socket)


def known_by(nonce: str, emulator: Any) -> Any:
    """GET /_foreverus/nonce answers with it: which of several emulators this is."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != NONCE_PATH:
            return await emulator(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": nonce.encode()})

    return app


def serve(app: Any, socket: int) -> None:
    """As the emulator's own `main` does, but for the socket, which it opens itself and too late."""
    from hypercorn.asyncio import serve as until_signal
    from hypercorn.config import Config

    with contextlib.suppress(ImportError, ValueError, OSError):  # bursts of connections pass the usual 1,024
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    config = Config()
    config.bind = [f"fd://{socket}"]
    config.keep_alive_timeout = 75
    look_through_once()
    asyncio.run(until_signal(app, config))


def look_through_once() -> None:
    """All of AWS is in this process, and Python's collector stops it for a tenth of a second and more to look through
    all that is kept here, once in some fifty requests; on AWS nothing stops for that. So what such a look has left is
    not looked through again."""

    def over(phase: str, found: dict[str, int]) -> None:
        if phase == "stop" and found["generation"] == 2:
            gc.freeze()

    gc.freeze()
    gc.callbacks.append(over)


if __name__ == "__main__":
    main()
