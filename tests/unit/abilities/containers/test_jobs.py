"""Jobs in DynamoDB (moto) and their twin: one contract."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from foreverus.abilities.containers.jobs import Jobs, JobStore, MemoryJobs
from foreverus.abilities.containers.records import Job, JobEnd, JobError, JobKind
from tests.unit.conftest import NOW, Clock

JOB = Job(job_id="say_1", kind=JobKind.TEXT_TO_SPEECH, request="{}", deadline=NOW + timedelta(minutes=4))


@pytest.fixture(params=["dynamodb", "memory"])
def jobs(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Jobs]:
    yield MemoryJobs(clock) if request.param == "memory" else JobStore(request.getfixturevalue("aws").items, clock)


def test_a_job_is_ended_once_and_then_forgotten(jobs: Jobs) -> None:
    jobs.put(JOB)
    assert jobs.open_job("say_1") == JOB
    assert jobs.end_of("say_1") is None
    assert jobs.end("say_1", JobEnd('{"bytes": 1}'))
    assert not jobs.end("say_1", JobEnd(error=JobError.FAILED, message="later")), "the first end counts"
    assert jobs.end_of("say_1") == JobEnd('{"bytes": 1}')
    assert jobs.open_job("say_1") is None, "nobody works on it again"
    jobs.forget("say_1")
    assert jobs.end_of("say_1") is None


def test_what_nobody_waits_for_is_neither_begun_nor_ended(jobs: Jobs, clock: Clock) -> None:
    assert jobs.open_job("say_1") is None
    assert not jobs.end("say_1", JobEnd("{}"))
    jobs.put(JOB)
    clock.now += timedelta(minutes=5)
    assert jobs.open_job("say_1") is None, "its deadline is over"


def test_an_error_has_its_words(jobs: Jobs) -> None:
    jobs.put(JOB)
    end = JobEnd(error=JobError.REJECTED, message="Only English.")
    assert jobs.end("say_1", end)
    assert jobs.end_of("say_1") == end
