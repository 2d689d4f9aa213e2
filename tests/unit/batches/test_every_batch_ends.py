"""`batch_run` played with whatever a round may end with: every batch ends, in time, with a line for every line."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from foreverus import ids
from foreverus.aws.sqs import MemoryShards
from foreverus.aws.step_functions import MemoryTasks
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.finishing import FinishedBatch
from foreverus.batches.plan.decision import Finish, GoOn, Wait
from foreverus.batches.plan.estimates import Deployment
from foreverus.batches.plan.planner import Planner
from foreverus.batches.records import ShardProgress
from foreverus.batches.serving import GpuRounds
from foreverus.batches.waiting import WaitingBatches
from foreverus.choice.records import NextStep
from foreverus.costs.prices import bedrock_price
from tests.unit.batches.altering import alter
from tests.unit.batches.plan.test_planner import Sessions, live
from tests.unit.batches.test_finishing import REF, World, world
from tests.unit.batches.test_serving import Starter
from tests.unit.conftest import NOW

LINES = 250  # three shards
ENDS = (
    *("done", "States.Timeout", "EngineFailed", "BootFailed", "SpotInterrupted", "SessionLost", "NoGpuCapacity"),
    *(
        "GpuQuotaExceeded",
        "LaunchNotAuthorized",
        "AccountNotVerified",
        "LaunchRefused",
        "SpendCapReached",
        "SessionEndRequested",
        "GpuSwitchedOff",
        "NotAccepted",
    ),
    *("EngineBusy", "BackendUnavailable", "Lambda.Unknown", "cancel"),
)
BEDROCK = "mistral.mistral-7b-instruct-v0:2"

# How a round goes: what it ends with, how many lines are finished by then, whether a GPU lives afterwards.
rounds = st.lists(st.tuples(st.sampled_from(ENDS), st.sampled_from([0, 0, 1, 60]), st.booleans()), max_size=40)
options = st.fixed_dictionaries(
    {}, optional={"backend": st.sampled_from(["auto", "gpu", "bedrock"]), "allow_on_demand": st.just("true")}
)


@dataclass
class Life:
    """The state machine and everybody around it."""

    batch: World
    story: list[tuple[str, int, bool]]
    bedrock: str
    now: datetime = NOW
    finished: int = 0
    sessions: Sessions = field(default_factory=Sessions)
    tasks: MemoryTasks = field(default_factory=MemoryTasks)

    def __post_init__(self) -> None:
        price = bedrock_price(self.bedrock, "us-east-1")
        deployment = Deployment(
            region="us-east-1",
            instance_types=("g6.xlarge",),
            idle_seconds=300.0,
            max_gpus=2,
            bedrock_model_id=self.bedrock,
            bedrock_calls=8,
            bedrock_price=price,
        )
        self.planner = Planner(self.batch.store, self.sessions, self.batch.purse, deployment, lambda: self.now)
        clock = lambda: self.now  # noqa: E731
        self.serving = GpuRounds(self.batch.store, MemoryShards(), Starter(), self.tasks, clock)

    def run(self) -> tuple[FinishedBatch, int]:
        """(what Finish said, how many rounds it took)."""
        error: ExecutionError | None = None
        for count in range(500):
            plan = self.planner.plan(REF, error)
            if isinstance(plan, Finish):
                return self.batch.finisher().finish(REF, plan.status, error), count
            assert plan.seconds >= 1
            error = self.wait(plan) if isinstance(plan, Wait) else self.round(plan)
        raise AssertionError("it does not end")

    def wait(self, plan: Wait) -> None:
        self.now += timedelta(seconds=plan.seconds)

    def round(self, plan: GoOn) -> ExecutionError | None:
        end, lines, lives = self.story.pop(0) if self.story else ("BootFailed", 0, False)
        on_gpu, token = plan.round.start.planned is NextStep.GPU, f"token {plan.round.number}"
        if on_gpu:
            self.tasks.open.add(token)
            self.serving.serve(REF, plan.round.number, token)
        self.now += timedelta(seconds=plan.seconds if end == "States.Timeout" else min(30, plan.seconds))
        self.finish(LINES if end == "done" and lines else lines)
        self.sessions.live = [live()] if lives else []
        if end == "cancel":
            self.batch.store.cancel(REF, self.now)
        if end in ("cancel", "done"):
            return None
        if on_gpu and end not in ("States.Timeout", "NotAccepted", "Lambda.Unknown"):
            waiting = WaitingBatches(self.batch.store, self.batch.store.pending, self.tasks, lambda: [])
            assert waiting.reject_all("ses_1", end) == 1
            _, code, cause = self.tasks.results[-1]
            return ExecutionError(code, cause)
        return ExecutionError(end, "because")

    def finish(self, lines: int) -> None:
        for number in range(self.finished + 1, min(self.finished + lines, LINES) + 1):
            self.batch.finish(number, text="!", finish_reason="stop", prompt_tokens=1, completion_tokens=2)
        self.finished = min(self.finished + lines, LINES)
        for shard in self.batch.store.shards("batch_1"):
            count = max(0, min(self.finished - shard.first_line + 1, shard.lines))
            self.batch.store.progress(
                REF,
                shard.number,
                ShardProgress(completed=count, prompt_tokens=count, completion_tokens=2 * count),
                count == shard.lines,
            )


@settings(deadline=None, max_examples=50)
@given(rounds, options, st.sampled_from([BEDROCK, ""]))
def test_every_batch_ends_in_time_with_a_line_for_every_line(
    story: list[tuple[str, int, bool]], metadata: dict[str, str], bedrock: str
) -> None:
    batch = world(LINES)
    ends = NOW + timedelta(hours=24)
    alter(batch.store, REF, metadata=metadata, expires_at=ids.timestamp(ends))
    life = Life(batch, list(story), bedrock)
    said, count = life.run()
    record = batch.record()
    assert said.status is record.status and record.is_over
    assert life.now <= ends + timedelta(seconds=30)
    # After the story each round fails without an answer: three failures of each backend, or the pauses of a day.
    assert count <= len(story) + 3 * 2 + 24 * 2 + 20
    numbers = [int(one["custom_id"][1:]) for kind in ("output", "error") for one in batch.written(kind)]
    assert sorted(numbers) == list(range(1, LINES + 1))
    assert record.result.completed == life.finished
    assert (record.status == "completed") == (life.finished == LINES and record.status != "cancelled")
    if record.status == "failed":
        assert record.errors and record.errors[0].message
    assert batch.store.pending.batches() == []
    assert not record.task_token
