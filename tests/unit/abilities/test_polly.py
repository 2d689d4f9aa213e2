"""Amazon Polly behind its port: what is asked, what is billed, what its errors mean. The client is boto3's own, with
answers of ours."""

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, IncompleteReadError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from foreverus.abilities.text_to_speech.polly import PIECE_BYTES, PollySpeech
from foreverus.abilities.text_to_speech.port import Sound, SpeechEngine, Utterance
from foreverus.errors import BackendUnavailable, EngineBusy, EngineError, EngineFailed, PromptRejected

BOM_DIA = Utterance(text="Bom dia & até já", voice="Camila", engine=SpeechEngine.NEURAL, sound=Sound.MP3)


@pytest.fixture
def client() -> Any:
    return boto3.client("polly", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def polly(client: Any) -> Iterator[PollySpeech]:
    reader = PollySpeech(client, 1)
    yield reader
    reader.close()


def heard(polly: PollySpeech, utterance: Utterance = BOM_DIA) -> tuple[int, list[bytes]]:
    async def read() -> tuple[int, list[bytes]]:
        spoken = await polly.speak(utterance)
        return spoken.characters, [piece async for piece in spoken.pieces]

    return asyncio.run(read())


def test_the_text_is_asked_for_as_text_and_comes_in_pieces(client: Any, polly: PollySpeech) -> None:
    sound = bytes(PIECE_BYTES + 10)
    asked = {"Engine": "neural", "VoiceId": "Camila", "OutputFormat": "mp3", "TextType": "text", "Text": BOM_DIA.text}
    with Stubber(client) as stub:
        body = StreamingBody(io.BytesIO(sound), len(sound))
        stub.add_response("synthesize_speech", {"AudioStream": body, "RequestCharacters": 16}, asked)
        assert heard(polly) == (16, [sound[:PIECE_BYTES], sound[PIECE_BYTES:]])


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("TextLengthExceededException", 400, PromptRejected),
        ("InvalidSsmlException", 400, PromptRejected),
        ("EngineNotSupportedException", 400, BackendUnavailable),  # this Region has no neural voices
        ("AccessDeniedException", 403, BackendUnavailable),
        ("ThrottlingException", 400, EngineBusy),
        ("ServiceUnavailableException", 503, EngineBusy),
        ("ServiceFailureException", 500, EngineFailed),
    ],
)
def test_an_error_is_named_by_what_to_do_next(
    client: Any, polly: PollySpeech, code: str, status: int, error: type[Exception]
) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("synthesize_speech", code, "so it is", status)
        with pytest.raises(error, match="so it is"):
            heard(polly)


class Broken:
    def __init__(self, error: Exception):
        self.error, self.closed = error, False

    def read(self, size: int) -> bytes:
        raise self.error

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "error", [IncompleteReadError(actual_bytes=1, expected_bytes=2), ConnectTimeoutError(endpoint_url="x")]
)
def test_a_sound_that_breaks_off_is_a_failure_and_is_closed(polly: PollySpeech, client: Any, error: Exception) -> None:
    body = Broken(error)
    client.synthesize_speech = lambda **asked: {"AudioStream": body, "RequestCharacters": 16}
    with pytest.raises(EngineError):
        heard(polly)
    assert body.closed
