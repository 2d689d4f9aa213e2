"""`python -m foreverus.abilities.task`: the container's one process. Exit code 0 on a planned end, 75 where nobody
waited for it or AWS did not answer (elsewhere it may be otherwise), 1 where its engines do not work.
"""

import logging
import os
import signal
import threading
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from foreverus import logs
from foreverus.abilities.containers.jobs import JobStore
from foreverus.abilities.containers.records import TRY_ELSEWHERE
from foreverus.abilities.containers.runs import RunStore
from foreverus.abilities.read_image import engines as eyes
from foreverus.abilities.speech_to_text import engines as ears
from foreverus.abilities.task.contact import RunContact
from foreverus.abilities.task.ending import TaskEnding, TaskOutcome
from foreverus.abilities.task.handlers import handlers
from foreverus.abilities.task.programs import OwnPrograms
from foreverus.abilities.task.serving import TaskServing
from foreverus.abilities.task.settings import DRAIN_S, VISIBILITY_S, TaskSettings
from foreverus.abilities.text_to_speech import engines as mouths
from foreverus.aws.dynamo import Table
from foreverus.aws.s3 import S3Objects
from foreverus.aws.sqs import SqsQueue
from foreverus.aws.step_functions import StepFunctionsTasks
from foreverus.costs.purse import PurseStore

log = logging.getLogger("foreverus.task")


def client(name: str) -> Any:
    made: Any = boto3.client  # its stubs want each service's name spelled out
    return made(name, config=Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 3}))


def now() -> datetime:
    return datetime.now(UTC)


def main(settings: TaskSettings) -> int:
    ending, programs = TaskEnding(), OwnPrograms()

    def told(*_: object) -> None:
        ending.begin(TaskOutcome.TOLD)
        programs.stop_all()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, told)
    die_at_last(settings.max_seconds)
    items = Table(client("dynamodb"), settings.table_name)
    mouth, ear, eye = mouths.installed(programs), ears.installed(programs), eyes.installed(programs)
    objects = S3Objects(client("s3"), settings.data_bucket, now)
    serving = TaskServing(
        queue=SqsQueue(client("sqs"), settings.queue_url, VISIBILITY_S),
        jobs=JobStore(items, now),
        handlers=handlers(mouth, ear, eye, objects),
        ending=ending,
        slots=settings.slots,
        idle_s=settings.idle_seconds,
        longest_s=settings.max_seconds,
    )
    contact = RunContact(
        run_id=settings.run_id,
        mailbox=RunStore(items, PurseStore(items)),
        tasks=StepFunctionsTasks(client("stepfunctions")),
        ending=ending,
        keep=serving.keep,
    )
    mouth.read("Oi.", "pt-BR-low", "pcm", 1.0)  # an image whose engine does not work is never ready
    try:
        if not contact.ready():
            log.error("nobody waits for this task")
            return TRY_ELSEWHERE
    except (ClientError, BotoCoreError):
        log.exception("AWS does not answer")
        return TRY_ELSEWHERE
    log.info("ready")
    beating = threading.Thread(target=contact.beat_until_the_end, daemon=True)
    beating.start()
    why = serving.run()
    programs.stop_all()  # after a loss: SIGTERM has done it already
    contact.over(why)
    log.info("over: %s", why.value)
    return 0


def die_at_last(longest_s: float) -> None:
    """The fifth way to end: a timer of its own, which needs nobody and waits for nothing."""
    timer = threading.Timer(longest_s + 2 * DRAIN_S, os._exit, (1,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    logs.configure()
    code = main(TaskSettings.from_env(os.environ))
    logging.shutdown()
    os._exit(code)  # a call that hangs in a thread does not keep the task on
