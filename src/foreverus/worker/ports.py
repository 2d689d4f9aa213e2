"""Everything outside that a worker needs. `__main__.py` puts in the real things, tests their twins in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from foreverus.aws.push import Push
from foreverus.aws.s3 import Objects
from foreverus.aws.sqs import Queue
from foreverus.aws.step_functions import Tasks
from foreverus.backends.port import Engine
from foreverus.batches.store import Batches
from foreverus.concurrency import RunBlocking
from foreverus.conversations.answers import Answers
from foreverus.conversations.passages.looking import Passages
from foreverus.metrics import SILENT, Metrics
from foreverus.relay.store import TakenRequests
from foreverus.sessions.demand import Demand
from foreverus.sessions.mailbox import Mailbox
from foreverus.sessions.pending import PendingWork
from foreverus.worker.contact import Contact
from foreverus.worker.images import GpuEyes
from foreverus.worker.instance import Identity, Instance
from foreverus.worker.settings import Timings, WorkerSettings
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.units import Units


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class WorkerPorts:
    settings: WorkerSettings
    me: Identity
    engine: Engine
    instance: Instance
    units: Units
    mailbox: Mailbox
    tasks: Tasks
    answers: Answers
    pending: PendingWork
    requests: TakenRequests
    demand: Demand
    push: Push
    batches: Batches
    objects: Objects
    chat_queue: Queue
    batch_queue: Queue
    run_blocking: RunBlocking  # short calls of AWS
    run_passages: RunBlocking  # those that wait for passages of documents, likewise
    run_push: RunBlocking  # calls that reach clients: a slow one holds up no other call
    run_receive: RunBlocking  # long polls
    contact: Contact  # when one of them last succeeded
    clock: Callable[[], datetime] = _now
    passages: Passages | None = None  # of people's documents; None: they are off
    eyes: GpuEyes | None = None  # None: the model sees no images
    metrics: Metrics = SILENT
    timings: Timings = field(default_factory=Timings)
    shutdown: Shutdown = field(default_factory=Shutdown)
