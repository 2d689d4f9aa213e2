"""A job as whoever asked for it sees it; the container in a test's hands."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from foreverus.abilities.containers.jobs import MemoryJobs
from foreverus.abilities.containers.records import ContainerRun, JobEnd, JobError, JobKind, RunPhase
from foreverus.abilities.containers.work import COLD_S, LONGEST_S, ContainerWork
from foreverus.abilities.read_image.container import ContainerReader
from foreverus.abilities.speech_to_text.container import ContainerListener
from foreverus.abilities.speech_to_text.port import MediaKind, Recording, Transcript
from foreverus.abilities.text_to_speech.container import ContainerSpeech
from foreverus.abilities.text_to_speech.port import Sound, SpeechEngine, Utterance
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.images import ImageKind, PromptImage
from foreverus.errors import (
    ContainerCannotStart,
    EngineFailed,
    InvalidRequest,
    ModelLoading,
    NotFound,
    PromptRejected,
    SpendCapReached,
)
from tests.unit.conftest import NOW

RUN = ContainerRun(run_id="run_019b76daa8000123456789abcdef", phase=RunPhase.SERVING)


class Starter:
    def __init__(self, run: ContainerRun = RUN) -> None:
        self.run = run
        self.asked = 0
        self.error: Exception | None = None

    def ensure(self) -> ContainerRun:
        self.asked += 1
        if self.error:
            raise self.error
        return self.run


class World:
    """`during`: what the container does at the n-th pause of whoever waits."""

    def __init__(self, during: Callable[[int, "World"], None] = lambda pause, world: None) -> None:
        self.jobs, self.starter, self.objects = MemoryJobs(lambda: NOW), Starter(), MemoryObjects(lambda: NOW)
        self.sent: list[Mapping[str, object]] = []
        self.during, self.pauses, self.waited = during, 0, 0.0
        self.work = ContainerWork(jobs=self.jobs, queue=self, starter=self.starter, clock=lambda: NOW, sleep=self.sleep)

    def send(self, messages: Sequence[Mapping[str, object]]) -> None:
        self.sent += messages

    async def sleep(self, seconds: float) -> None:
        self.pauses += 1
        self.waited += seconds
        self.during(self.pauses, self)

    def end(self, end: JobEnd) -> None:
        (job_id,) = self.jobs.jobs
        self.jobs.end(job_id, end)

    def done(self) -> str:
        return asyncio.run(self.work.done(self.work.job("say_1", JobKind.TEXT_TO_SPEECH, {"text": "Oi."})))


def test_an_answer_comes_back_and_nothing_of_the_job_stays() -> None:
    world = World(lambda pause, world: world.end(JobEnd('{"bytes": 3}')) if pause == 3 else None)
    assert world.done() == '{"bytes": 3}'
    assert world.sent == [{"job_id": "say_1"}]
    assert world.jobs.jobs == {} and world.jobs.ends == {}


@pytest.mark.parametrize(
    ("end", "error"),
    [(JobEnd(error=JobError.REJECTED, message="no"), PromptRejected), (JobEnd(error=JobError.FAILED), EngineFailed)],
)
def test_an_error_is_the_callers_and_nothing_of_the_job_stays(end: JobEnd, error: type[Exception]) -> None:
    world = World(lambda pause, world: world.end(end))
    with pytest.raises(error):
        world.done()
    assert world.jobs.jobs == {}


def test_a_container_that_is_starting_says_when_to_come_again() -> None:
    world = World()
    world.starter.run = replace(RUN, phase=RunPhase.STARTING)
    with pytest.raises(ModelLoading) as told:
        world.done()
    assert (told.value.status, told.value.type, told.value.headers) == (503, "model_loading", {"Retry-After": "30"})
    assert COLD_S <= world.waited < COLD_S + 5
    assert world.jobs.jobs == {}, "the next request brings its own"


def test_a_task_that_is_lost_while_it_worked_is_waited_for_until_the_next_one_has_done_it() -> None:
    def lost(pause: int, world: World) -> None:
        if world.waited > 20:
            world.starter.run = replace(RUN, phase=RunPhase.STARTING)
        if world.waited > COLD_S + 20:
            world.end(JobEnd("{}"))

    world = World(lost)
    assert world.done() == "{}"


def test_nobody_is_waited_for_longer_than_a_stream_may_be_silent() -> None:
    world = World()
    with pytest.raises(EngineFailed, match="270 s"):
        world.done()
    assert world.waited < LONGEST_S + 2 < 300
    assert world.starter.asked > 50, "whether a run is on is looked at all the time"


def test_where_nothing_may_be_spent_nothing_is_put() -> None:
    world = World()
    world.starter.error = SpendCapReached("no")
    with pytest.raises(SpendCapReached):
        world.done()
    assert world.sent == [] and world.jobs.jobs == {}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "a test"}}, "SendMessage")


@pytest.mark.parametrize("code", ["AccessDeniedException", "QueueDoesNotExist", "StateMachineDoesNotExist"])
def test_who_waits_while_it_is_switched_off_hears_just_that(code: str) -> None:
    world = World(lambda pause, world: setattr(world.starter, "error", refusal(code)))
    utterance = Utterance(text="Oi.", voice="pt-BR-low", engine=SpeechEngine.CONTAINER, sound=Sound.MP3, speed=1.0)
    with pytest.raises(NotFound) as told:
        asyncio.run(ContainerSpeech(world.work, world.objects).speak(utterance))
    assert (told.value.status, told.value.reason) == (404, "voice_off")
    recording = Recording(data=b"recording", kind=MediaKind.MP3, seconds=1.0, language="en-US")
    with pytest.raises(NotFound):
        asyncio.run(ContainerListener(world.work, world.objects).transcribe("req_1", recording))
    with pytest.raises(InvalidRequest) as seen:
        asyncio.run(ContainerReader(world.work, world.objects).read(PromptImage(ImageKind.PNG, 1, 1, b"picture")))
    assert seen.value.reason == "images_off"
    assert world.jobs.jobs == {}


def test_another_error_of_awss_stays_what_it_is() -> None:
    world = World()
    world.starter.error = refusal("ThrottlingException")
    utterance = Utterance(text="Oi.", voice="pt-BR-low", engine=SpeechEngine.CONTAINER, sound=Sound.MP3, speed=1.0)
    with pytest.raises(ClientError):
        asyncio.run(ContainerSpeech(world.work, world.objects).speak(utterance))


def test_an_image_that_the_container_cannot_be_given_is_a_failure_and_no_mistake_of_ours() -> None:
    world = World()
    world.starter.error = refusal("ThrottlingException")
    with pytest.raises(EngineFailed, match="Send it again"):
        asyncio.run(ContainerReader(world.work, world.objects).read(PromptImage(ImageKind.PNG, 1, 1, b"picture")))
    assert world.jobs.jobs == {} and world.objects.held == {}


def test_one_that_cannot_start_is_an_answer_to_all_who_wait() -> None:
    def stopped(pause: int, world: World) -> None:
        world.starter.error = ContainerCannotStart("its image cannot be fetched", 120)

    world = World(stopped)
    with pytest.raises(ContainerCannotStart) as told:
        world.done()
    assert world.jobs.jobs == {} and world.waited < COLD_S
    assert told.value.headers == {"Retry-After": "120", "x-should-retry": "false"}


def test_who_goes_away_takes_the_job_along() -> None:
    world = World()

    async def gone() -> None:
        async def forever(seconds: float) -> None:
            await asyncio.Event().wait()

        work = replace(world.work, sleep=forever)
        task = asyncio.create_task(work.done(work.job("say_1", JobKind.TEXT_TO_SPEECH, {})))
        while not world.sent:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(gone())
    assert world.jobs.jobs == {}


def test_a_sound_is_fetched_and_deleted() -> None:
    def spoken(pause: int, world: World) -> None:
        ((_, job),) = world.jobs.jobs.items()
        assert json.loads(job.request) == {"text": "Oi.", "voice": "pt-BR-low", "sound": "mp3", "speed": 1.5}
        world.objects.put(job.sound_key, b"sound", "audio/mp3")
        world.end(JobEnd("{}"))

    world = World(spoken)
    utterance = Utterance(text="Oi.", voice="pt-BR-low", engine=SpeechEngine.CONTAINER, sound=Sound.MP3, speed=1.5)

    async def read() -> bytes:
        made = await ContainerSpeech(world.work, world.objects).speak(utterance)
        assert made.characters == 3
        return b"".join([piece async for piece in made.pieces])

    assert asyncio.run(read()) == b"sound"
    assert world.objects.list("") == []


def test_a_recording_is_there_while_it_is_listened_to_and_not_after() -> None:
    def heard(pause: int, world: World) -> None:
        ((_, job),) = world.jobs.jobs.items()
        assert b"".join(world.objects.stream(job.sound_key)) == b"recording"
        assert json.loads(job.request) == {"kind": "mp3", "language": "en-US"}
        world.end(JobEnd('{"text": "Hi.", "language": "en-US", "until": 0.5}'))

    world = World(heard)
    listener = ContainerListener(world.work, world.objects)
    recording = Recording(data=b"recording", kind=MediaKind.MP3, seconds=1.0, language="en-US")
    assert asyncio.run(listener.transcribe("req_1", recording)) == Transcript("Hi.", "en-US", 0.5)
    assert world.objects.list("") == []
    world.during = lambda pause, world: world.end(JobEnd(error=JobError.REJECTED, message="no"))
    with pytest.raises(PromptRejected):
        asyncio.run(listener.transcribe("req_2", recording))
    assert world.objects.list("") == []
