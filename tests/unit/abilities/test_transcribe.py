"""Amazon Transcribe behind its port: a job for each recording, and nothing left of it. The client is boto3's own, with
answers of ours."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from foreverus.abilities.speech_to_text.port import MediaKind, Recording, Transcript
from foreverus.abilities.speech_to_text.transcribe import TranscribeListener
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from tests.unit.conftest import NOW

NAME = "req_1"
SPOKEN = Recording(data=b"sound", kind=MediaKind.MP3, seconds=3.0, language="pt-BR")
WRITTEN = {"results": {"transcripts": [{"transcript": "Bom dia."}], "items": [{"end_time": "1.5"}]}}


class World:
    def __init__(self) -> None:
        self.client = boto3.client(
            "transcribe", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(self.client)
        self.objects = MemoryObjects(lambda: NOW)
        self.slept: list[float] = []

    def start(self, **more: Any) -> None:
        asked = {
            "TranscriptionJobName": NAME,
            "MediaFormat": "mp3",
            "Media": {"MediaFileUri": f"s3://data/audio/{NAME}.mp3"},
            "OutputBucketName": "data",
            "OutputKey": f"audio/{NAME}.json",
            **(more or {"LanguageCode": "pt-BR"}),
        }
        self.stub.add_response("start_transcription_job", {}, asked)

    def look(self, status: str, **more: str) -> None:
        job = {"TranscriptionJobName": NAME, "TranscriptionJobStatus": status, **more}
        self.stub.add_response("get_transcription_job", {"TranscriptionJob": job}, {"TranscriptionJobName": NAME})

    def listen(self, recording: Recording = SPOKEN) -> Transcript:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            assert self.objects.held, "the recording is there while the job runs"
            self.objects.put(f"audio/{NAME}.json", json.dumps(WRITTEN).encode())

        self.stub.add_response("delete_transcription_job", {}, {"TranscriptionJobName": ANY})
        listener = TranscribeListener(
            client=self.client, objects=self.objects, bucket="data", sleep=sleep, longest_s=10.0
        )
        with self.stub:
            return asyncio.run(listener.transcribe(NAME, recording))


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    yield one
    assert one.objects.held == {}, "neither the recording nor its transcript is left"


def test_a_recording_is_written_down_and_deleted(world: World) -> None:
    world.start()
    world.look("IN_PROGRESS")
    world.look("COMPLETED", LanguageCode="pt-BR")
    assert world.listen() == Transcript("Bom dia.", "pt-BR", 1.5)
    assert world.slept[1] > world.slept[0]


def test_without_a_language_transcribe_says_which_it_was(world: World) -> None:
    world.start(IdentifyLanguage=True, LanguageOptions=["pt-BR", "en-US"])
    world.look("COMPLETED", LanguageCode="en-US")
    recording = Recording(data=b"sound", kind=MediaKind.MP3, seconds=3.0)
    assert world.listen(recording).language == "en-US"


def test_a_job_that_fails_says_why(world: World) -> None:
    world.start()
    world.look("FAILED", FailureReason="The media format is another one.")
    with pytest.raises(PromptRejected, match="another one"):
        world.listen()


def test_a_job_that_never_ends_is_given_up_and_a_look_that_is_throttled_is_not_its_end(world: World) -> None:
    world.start()
    world.stub.add_client_error("get_transcription_job", "ThrottlingException", "slowly", 400)
    for _ in range(5):
        world.look("IN_PROGRESS")
    with pytest.raises(EngineFailed, match="not ready"):
        world.listen()
    assert 10 <= sum(world.slept) < 14


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("LimitExceededException", 400, EngineBusy),
        ("BadRequestException", 400, BackendUnavailable),
        ("AccessDeniedException", 400, BackendUnavailable),
        ("InternalFailureException", 500, EngineFailed),
    ],
)
def test_an_error_is_named_by_what_to_do_next(world: World, code: str, status: int, error: type[Exception]) -> None:
    world.stub.add_client_error("start_transcription_job", code, "so it is", status)
    with pytest.raises(error, match="so it is"):
        world.listen()
