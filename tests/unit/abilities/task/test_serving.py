"""A task's loop: what it takes, how it ends, and what it leaves behind."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from foreverus.abilities.containers.jobs import MemoryJobs
from foreverus.abilities.containers.records import ContainerRun, Job, JobEnd, JobError, JobKind
from foreverus.abilities.task.contact import RunContact
from foreverus.abilities.task.ending import TaskEnding, TaskOutcome
from foreverus.abilities.task.programs import HandedBack
from foreverus.abilities.task.serving import TaskServing
from foreverus.abilities.task.settings import VISIBILITY_S
from foreverus.aws.sqs import MemoryQueue
from foreverus.aws.step_functions import MemoryTasks
from foreverus.errors import EngineFailed, PromptRejected
from tests.unit.conftest import NOW


class World:
    """Time goes on by a second with each look at the clock."""

    def __init__(self, handler: Callable[[Job], str] = lambda job: f"done {job.request}", **more: Any) -> None:
        self.queue, self.jobs, self.ending, self.seconds = MemoryQueue(), MemoryJobs(lambda: NOW), TaskEnding(), 0.0
        self.serving = TaskServing(
            queue=self.queue,
            jobs=self.jobs,
            handlers={JobKind.TEXT_TO_SPEECH: handler},
            ending=self.ending,
            clock=self.clock,
            **{"slots": 2, "idle_s": 30.0, "longest_s": 10_000.0, **more},
        )

    def clock(self) -> float:
        self.seconds += 1
        return self.seconds

    def ask(self, name: str) -> None:
        deadline = NOW + timedelta(minutes=4)
        self.jobs.put(Job(job_id=name, kind=JobKind.TEXT_TO_SPEECH, request=name, deadline=deadline))
        self.queue.put(f'{{"job_id": "{name}"}}')


def test_it_does_what_waits_and_ends_when_nothing_comes() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.ask(name)
    assert world.serving.run() is TaskOutcome.IDLE
    assert world.jobs.ends == {name: JobEnd(f"done {name}") for name in ("a", "b", "c")}
    assert world.queue.is_empty and world.queue.most_received <= 2


def test_a_task_that_got_nothing_yet_waits_for_what_a_lost_one_had_in_hand() -> None:
    world = World(idle_s=2.0)
    assert world.serving.run() is TaskOutcome.IDLE
    assert world.seconds > VISIBILITY_S
    world = World(idle_s=2.0)
    world.ask("a")
    assert world.serving.run() is TaskOutcome.IDLE
    assert world.seconds < VISIBILITY_S


def test_what_comes_twice_is_done_once_and_what_nobody_waits_for_not_at_all() -> None:
    asked: list[str] = []
    world = World(lambda job: asked.append(job.job_id) or "done")  # type: ignore[func-returns-value]
    world.ask("a")
    world.queue.put('{"job_id": "a"}')
    world.queue.put('{"job_id": "gone"}')
    world.serving.slots = 1
    world.serving.run()
    assert asked == ["a"] and world.queue.is_empty


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (PromptRejected("no"), JobError.REJECTED),
        (EngineFailed("broken"), JobError.FAILED),
        (ValueError(), JobError.FAILED),
    ],
)
def test_an_engine_that_fails_is_an_end_too(error: Exception, end: JobError) -> None:
    def fails(job: Job) -> str:
        raise error

    world = World(fails)
    world.ask("a")
    world.serving.run()
    assert world.jobs.ends["a"].error is end and world.queue.is_empty


def test_told_to_stop_it_hands_back_what_it_has_in_hand() -> None:
    begun = threading.Event()

    def killed(job: Job) -> str:
        begun.set()
        assert world.ending.wait(600)
        raise HandedBack("the task ends")

    world = World(killed)
    world.ask("a")
    thread = threading.Thread(target=lambda: (begun.wait(600), world.ending.begin(TaskOutcome.TOLD)), daemon=True)
    thread.start()
    assert world.serving.run() is TaskOutcome.TOLD
    assert world.jobs.ends == {} and [one.body for one in world.queue.waiting] == ['{"job_id": "a"}']


def test_at_its_longest_life_it_takes_nothing_more_and_finishes_what_it_has() -> None:
    world = World(longest_s=5.0)
    world.ask("a")
    assert world.serving.run() is TaskOutcome.LIFE
    assert world.jobs.ends["a"] == JobEnd("done a")


def test_what_cannot_be_written_comes_again() -> None:
    world = World()

    def broken(job_id: str, end: JobEnd) -> bool:
        raise ConnectionError

    world.jobs.end = broken  # type: ignore[method-assign]
    world.ask("a")
    world.serving.run()
    assert len(world.queue.hidden) == 1, "its message is neither deleted nor handed back: its visibility ends"


class Mailbox:
    """A run's item: a new token after each answer."""

    def __init__(self, tasks: MemoryTasks, *tokens: str, run_id: str = "run_1") -> None:
        self.run_id, self.tokens, self.tasks = run_id, list(tokens), tasks

    def current(self) -> ContainerRun | None:
        if not self.tasks.open and self.tokens:
            self.tasks.open.add(self.tokens[0])
            return ContainerRun(run_id=self.run_id, token=self.tokens.pop(0))
        return ContainerRun(run_id=self.run_id, token=next(iter(self.tasks.open), ""))


def contact(tasks: MemoryTasks, mailbox: Mailbox, ending: TaskEnding) -> RunContact:
    return RunContact(run_id="run_1", mailbox=mailbox, tasks=tasks, ending=ending, keep=lambda: None)


def test_it_says_that_it_is_ready_and_how_it_ended() -> None:
    tasks, ending = MemoryTasks(), TaskEnding()
    one = contact(tasks, Mailbox(tasks, "boot", "serve"), ending)
    assert one.ready()
    one.over(TaskOutcome.IDLE)
    assert tasks.results == [("boot", "success", {"ready": True}), ("serve", "success", {"outcome": "idle"})]


def test_a_task_of_another_run_is_nobodys() -> None:
    tasks = MemoryTasks()
    assert not contact(tasks, Mailbox(tasks, "boot", run_id="run_2"), TaskEnding()).ready()


def test_where_the_machine_waits_no_more_the_task_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foreverus.abilities.task.contact.HEARTBEAT_S", 0.0)
    tasks, ending = MemoryTasks(), TaskEnding()
    one = contact(tasks, Mailbox(tasks, "boot", "serve"), ending)
    assert one.ready()
    tasks.open.clear()
    one.beat_until_the_end()
    assert ending.why is TaskOutcome.LOST
    one.over(TaskOutcome.LOST)


def test_the_first_reason_counts() -> None:
    ending = TaskEnding()
    ending.begin(TaskOutcome.TOLD)
    ending.begin(TaskOutcome.IDLE)
    assert ending.why is TaskOutcome.TOLD
