"""`python -m foreverus.worker`: puts the worker together and runs it until it ends. Exit code 0 on a planned end.

The machine that it runs on powers off when this process has ended: see the launch template's user data.
"""

import asyncio
import logging
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from foreverus import logs, tracing
from foreverus.aws import lean
from foreverus.aws.dynamo import Table
from foreverus.aws.lambda_functions import LambdaFunction
from foreverus.aws.push import CONNECT_S, READ_S, WebSocketPush
from foreverus.aws.s3 import S3Objects
from foreverus.aws.sqs import SqsQueue
from foreverus.aws.step_functions import StepFunctionsTasks
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.sights import SIGHTS
from foreverus.batches.store import BatchStore
from foreverus.concurrency import stop
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.passages.asking import DocumentPassages
from foreverus.conversations.passages.looking import CONNECT_S as CONNECT_S_OF_PASSAGES
from foreverus.conversations.passages.looking import WAIT_S
from foreverus.metrics import Metrics
from foreverus.relay.store import RequestStore
from foreverus.sessions.demand import DemandStore
from foreverus.sessions.mailbox import DynamoMailbox
from foreverus.sessions.pending import PendingWorkStore
from foreverus.worker.contact import Contact, RunInThreads
from foreverus.worker.gpu_figures import MachineLook, watch_gpu
from foreverus.worker.images import GpuEyes, LentByFunction
from foreverus.worker.instance import Identity, Instance, MetadataInstance
from foreverus.worker.line_images import LineEyes, LineLentByFunction
from foreverus.worker.metrics_log import MetricsLog, stream_name
from foreverus.worker.ports import WorkerPorts
from foreverus.worker.run import run
from foreverus.worker.settings import WorkerSettings
from foreverus.worker.shutdown import Shutdown, spot_interrupted
from foreverus.worker.traces import TraceSender, XraySegments
from foreverus.worker.units import UnitFiles
from foreverus.worker.watchdog import Watchdog

log = logging.getLogger("foreverus.worker")

CALL_THREADS = 12
PASSAGES_THREADS = 16  # each waits for five seconds at most
PUSH_THREADS = 16  # each is held for three seconds at most by a client that takes nothing
METADATA_TRIES = 60
METADATA_RETRY_S = 0.5
QUEUES = 2  # a long poll of each holds a thread


def make_clients(settings: WorkerSettings) -> dict[str, Any]:
    """The clients that a worker needs. boto3 reads the region, the credentials and AWS_ENDPOINT_URL itself."""
    session = boto3.session.Session(region_name=settings.aws_default_region)
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        max_pool_connections=CALL_THREADS + PUSH_THREADS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    client: Any = session.client  # its stubs want each service's name spelled out
    names = ("dynamodb", "stepfunctions", "sqs", "s3")
    clients = {name: client(name, config=lean.config(name).merge(config)) for name in names}
    # A lost frame is made good by the next one; a client that cannot be reached holds nobody up for long.
    hasty = config.merge(
        Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard", "total_max_attempts": 1})
    )
    posts = "apigatewaymanagementapi"
    hasty = lean.config(posts).merge(hasty)
    clients["push"] = client(posts, endpoint_url=settings.websocket_callback_url, config=hasty)
    # No answer waits for a trace or a metric.
    brief = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
    clients["xray"] = client("xray", config=brief)
    clients["logs"] = client("logs", config=brief)
    once = Config(connect_timeout=CONNECT_S_OF_PASSAGES, read_timeout=WAIT_S, retries={"total_max_attempts": 1})
    clients["lambda"] = client("lambda", config=once.merge(Config(max_pool_connections=PASSAGES_THREADS)))
    for one in clients.values():
        lean.keep_host(one)
    return clients


async def identify(instance: Instance) -> Identity:
    """Who we are. A new machine's metadata may be a moment late. Raises httpx.HTTPError after half a minute."""
    for _ in range(METADATA_TRIES - 1):
        try:
            return await instance.identity()
        except httpx.HTTPError as err:
            log.warning("instance metadata: %r", err)
            await asyncio.sleep(METADATA_RETRY_S)
    return await instance.identity()


async def main(settings: WorkerSettings) -> int:
    shutdown, contact = Shutdown(), Contact()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, shutdown.begin, spot_interrupted(f"The worker got {sign.name}."))
    watchdog = asyncio.create_task(Watchdog.from_env().run())
    run_blocking = RunInThreads(contact, CALL_THREADS, "aws")
    instance, engine = MetadataInstance(), OpenAiEngine(settings.engine_url, settings.model_id)
    clients, me = await asyncio.gather(run_blocking(make_clients, settings), identify(instance))
    items, traces = Table(clients["dynamodb"], settings.table_name), TraceSender(XraySegments(clients["xray"]))
    tracing.send_to(traces)
    in_a_thread, stream = RunInThreads(Contact(), 1, "metrics"), stream_name(me.session_id, me.instance_id)
    metrics_log = MetricsLog(clients["logs"], settings.metrics_log_group, stream, in_a_thread)
    metrics = Metrics(settings.stack_name, source="worker", more=settings.has_more_metrics, write=metrics_log.write)
    look = MachineLook(settings.engine_url, settings.engine_slots)
    beside = [asyncio.create_task(one) for one in (metrics_log.run(), watch_gpu(look, metrics))]
    code = await run(
        WorkerPorts(
            settings=settings,
            me=me,
            engine=engine,
            instance=instance,
            units=UnitFiles(Path(settings.machine_dir)),
            mailbox=DynamoMailbox(items),
            tasks=StepFunctionsTasks(clients["stepfunctions"]),
            answers=DynamoAnswers(items),
            pending=PendingWorkStore(items),
            requests=RequestStore(items),
            demand=DemandStore(items),
            push=WebSocketPush(clients["push"], items),
            batches=BatchStore(items),
            objects=S3Objects(clients["s3"], settings.data_bucket, lambda: datetime.now(UTC)),
            chat_queue=SqsQueue(clients["sqs"], settings.chat_queue_url, settings.visibility_seconds),
            batch_queue=SqsQueue(clients["sqs"], settings.batch_queue_url, settings.visibility_seconds),
            run_blocking=run_blocking,
            run_passages=RunInThreads(contact, PASSAGES_THREADS, "passages"),
            run_push=RunInThreads(contact, PUSH_THREADS, "push"),
            run_receive=RunInThreads(contact, QUEUES, "receive"),
            contact=contact,
            shutdown=shutdown,
            passages=_passages(items, clients["lambda"], settings.find_sources_function),
            eyes=_eyes(clients["lambda"], settings),
            metrics=metrics,
        )
    )
    await stop(*beside)
    await metrics_log.finish()
    watchdog.cancel()
    traces.finish()
    return code


def _passages(items: Table, client: Any, function: str) -> DocumentPassages | None:
    """`client`: of Lambda. None: documents are off."""
    return DocumentPassages(items, LambdaFunction(client, function)) if function else None


def _eyes(client: Any, settings: WorkerSettings) -> GpuEyes | None:
    """`client`: of Lambda."""
    if not settings.show_images_function:
        return None
    function = LambdaFunction(client, settings.show_images_function)
    return GpuEyes(
        sight=SIGHTS[settings.gpu_model_sees],
        context_tokens=settings.context_tokens,
        lend=LentByFunction(function),
        of_lines=LineEyes(model_id=settings.model_id, lend=LineLentByFunction(function)),
    )


if __name__ == "__main__":
    logs.configure()
    code = asyncio.run(main(WorkerSettings.from_env(os.environ)))
    logging.shutdown()
    os._exit(code)  # a call that hangs in a thread does not keep the machine on
