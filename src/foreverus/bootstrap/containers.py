"""Our own container, for those who have it do something."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.abilities.containers.runs import RunStarter
    from foreverus.abilities.containers.work import ContainerWork
    from foreverus.abilities.read_image.container import ContainerReader

CONTAINER = "container"  # what Voice and Images are set to
# Of a route that API Gateway gives 29 seconds: who sent a message sends it again, as the answer says.
SHORT_S, SHORT_COLD_S = 20.0, 14.0
PATIENT_COLD_S = 110.0  # less than a round is busy for before it ends (batches/shards/on_bedrock.py)

log = logging.getLogger(__name__)


class ContainerSettings(Protocol):
    @property
    def table_name(self) -> str: ...
    @property
    def data_bucket(self) -> str: ...
    @property
    def monthly_cap_usd(self) -> float: ...
    @property
    def ability_run_arn(self) -> str: ...
    @property
    def ability_queue_url(self) -> str: ...
    @property
    def task_max_seconds(self) -> int: ...


def run_starter(env: ContainerSettings) -> "RunStarter":
    from foreverus.abilities.containers.records import longest_life
    from foreverus.abilities.containers.runs import RunStarter, RunStore
    from foreverus.costs.containers import TASK, run_usd

    longest = longest_life(env.task_max_seconds)
    return RunStarter(
        runs=RunStore(aws.items(env.table_name), shared.purse(env.table_name, env.monthly_cap_usd)),
        machine=aws.machine(env.ability_run_arn),
        clock=aws.clock,
        usd=run_usd(TASK, longest.total_seconds()),
        longest=longest,
    )


def work(env: ContainerSettings, short: bool = False) -> "ContainerWork":
    """`short`: for a route whose answer does not stream."""
    from foreverus.abilities.containers.jobs import JobStore
    from foreverus.abilities.containers.work import COLD_S, LONGEST_S, ContainerWork
    from foreverus.aws.sqs import ShardQueue

    return ContainerWork(
        jobs=JobStore(aws.items(env.table_name), aws.clock),
        queue=ShardQueue(aws.client("sqs"), env.ability_queue_url),
        starter=run_starter(env),
        clock=aws.clock,
        longest_s=SHORT_S if short else LONGEST_S,
        cold_s=SHORT_COLD_S if short else COLD_S,
    )


def reader(env: ContainerSettings, short: bool = False) -> "ContainerReader":
    from foreverus.abilities.read_image.container import ContainerReader

    return ContainerReader(work(env, short), aws.objects(env.data_bucket))


def patient_reader(env: ContainerSettings) -> "ContainerReader":
    """For who can wait while it starts: a batch."""
    from foreverus.abilities.read_image.container import ContainerReader

    return ContainerReader(replace(work(env), cold_s=PATIENT_COLD_S), aws.objects(env.data_bucket))


def begin(env: ContainerSettings) -> None:
    """Starts it for somebody who is about to need it. Who then does is told why it cannot be."""
    try:
        run_starter(env).ensure()
    except Exception:
        log.info("our container is not started yet", exc_info=True)
