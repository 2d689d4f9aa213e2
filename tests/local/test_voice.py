"""The laptop's Polly and Transcribe, a real voice and real ears; and OpenAI's own client, unmodified, the whole way."""

import asyncio
import io
import time
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError
from openai import OpenAI

from bench.voice import SENTENCES, word_error_rate
from foreverus.abilities.text_to_speech.polly import PollySpeech
from foreverus.abilities.text_to_speech.port import Sound, SpeechEngine, Utterance
from foreverus.aws.dynamo import Table
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.voice import speech_usd, transcription_usd
from foreverus.errors import BackendUnavailable, PromptRejected
from local.cloud import Cloud, running
from local.emulator import ACCOUNT, REGION, Emulator
from local.state import LOCAL
from tests.cloud import policy, unique

pytestmark = pytest.mark.cloud

BOM_DIA = "Bom dia! Qual é a capital do Brasil?"
SYNTHESIZE: dict[str, Any] = {"Action": "polly:SynthesizeSpeech", "Resource": "*"}


def heard(client: Any, text: str = BOM_DIA, voice: str = "Camila", sound: Sound = Sound.PCM, **more: Any) -> bytes:
    async def read() -> bytes:
        reader = PollySpeech(client, 1)
        utterance = Utterance(text=text, voice=voice, engine=SpeechEngine.NEURAL, sound=sound, **more)
        spoken = await reader.speak(utterance)
        assert spoken.characters == len(text)
        found = b"".join([piece async for piece in spoken.pieces])
        reader.close()
        return found

    return asyncio.run(read())


def loudest(samples: bytes) -> int:
    return max(map(abs, array("h", samples)))


def test_a_text_is_spoken_and_a_faster_one_is_shorter(emulator: Emulator) -> None:
    client = emulator.client("polly")
    samples = heard(client)
    assert loudest(samples) > 1000
    assert len(heard(client, speed=2.0)) < 0.75 * len(samples)
    assert heard(client, voice="Thiago") != samples
    assert heard(client, "1 < 2 & 2 > 1", "Joanna", speed=1.5)
    assert heard(client, sound=Sound.OGG_OPUS).startswith(b"OggS")
    assert heard(client, sound=Sound.MP3)[0] == 0xFF, "frames, and nothing before them"


def test_what_polly_refuses_the_laptop_does(emulator: Emulator) -> None:
    client = emulator.client("polly")
    with pytest.raises(PromptRejected, match="TextLengthExceeded"):
        heard(client, "a" * 3001)
    with pytest.raises(BackendUnavailable, match="EngineNotSupported"):
        heard(client, voice="Ricardo")


def test_a_voice_needs_its_permission(emulator: Emulator) -> None:
    def of(*statements: dict[str, Any]) -> Any:
        iam, name = emulator.client("iam"), unique("polly-user")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="theirs", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        named = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return emulator.client("polly", **named)

    assert heard(of(SYNTHESIZE), "Oi.")
    with pytest.raises(BackendUnavailable, match="AccessDenied"):
        heard(of({"Action": "polly:DescribeVoices", "Resource": "*"}))


def test_patch_is_needed_while_the_emulator_has_no_polly(unpatched: Emulator) -> None:
    asked = {"OutputFormat": "mp3", "Text": "Oi.", "VoiceId": "Camila"}
    with pytest.raises(ClientError):
        unpatched.client("polly").synthesize_speech(**asked)


def test_off_says_which_parameter(cloud: Cloud) -> None:
    with (
        OpenAI(base_url=cloud.outputs["api_url"], api_key=cloud.outputs["api_key"], max_retries=0) as client,
        pytest.raises(openai.NotFoundError, match="parameter Voice is 'off'"),
    ):
        client.audio.speech.create(model="tts-1", voice="nova", input=BOM_DIA)


@pytest.fixture(scope="module")
def voiced() -> Iterator[Cloud]:
    place = LOCAL / "tests" / unique("voice")
    with running(place, lambda text: None, usual_ports=False, parameters={"Voice": "managed"}) as cloud:
        yield cloud


def test_openais_client_has_a_text_read_aloud_and_it_is_paid(voiced: Cloud, tmp_path: Path) -> None:
    table = Table(voiced.emulator.client("dynamodb"), voiced.stack["TableName"])
    ledger, month = LedgerStore(table), time.strftime("%Y-%m", time.gmtime())
    with OpenAI(base_url=voiced.outputs["api_url"], api_key=voiced.outputs["api_key"], max_retries=0) as client:
        file = client.audio.speech.create(model="tts-1", voice="nova", input=BOM_DIA, response_format="wav")
        with wave.open(io.BytesIO(file.content)) as read:
            assert read.getframerate() == 16_000
            assert loudest(read.readframes(read.getnframes())) > 1000
        assert ledger.spent(month) == pytest.approx(speech_usd("standard", len(BOM_DIA)))
        path = tmp_path / "bom-dia.mp3"
        with client.audio.speech.with_streaming_response.create(
            model="polly-neural", voice="Thiago", input=BOM_DIA
        ) as streamed:
            streamed.stream_to_file(path)
        assert path.read_bytes()[0] == 0xFF
        with pytest.raises(openai.BadRequestError, match="response_format"):
            client.audio.speech.create(model="tts-1", voice="nova", input=BOM_DIA, response_format="aac")
        usage = client.get("/usage", cast_to=object, options={"params": {"group_by": "backend"}})
    assert ledger.spent(month) == pytest.approx(sum(speech_usd(one, len(BOM_DIA)) for one in ("standard", "neural")))
    assert isinstance(usage, dict)
    (own,) = [one for one in usage["own"]["groups"] if one["backend"] == "polly"]
    assert (own["messages"], own["usd"]) == (2, pytest.approx(ledger.spent(month)))


def test_openais_client_has_what_it_hears_written_down_and_nothing_is_left(voiced: Cloud) -> None:
    s3, bucket = voiced.emulator.client("s3"), voiced.stack["DataBucket"]
    table = Table(voiced.emulator.client("dynamodb"), voiced.stack["TableName"])
    ledger, month = LedgerStore(table), time.strftime("%Y-%m", time.gmtime())
    said = " ".join(SENTENCES[:3])
    with OpenAI(base_url=voiced.outputs["api_url"], api_key=voiced.outputs["api_key"], max_retries=0) as client:
        rates = []
        for form in ("mp3", "opus", "wav"):
            sound = client.audio.speech.create(model="tts-1", voice="echo", input=said, response_format=form)
            before = ledger.spent(month)
            written = client.audio.transcriptions.create(
                model="whisper-1", file=(f"said.{form}", sound.content), language="en"
            )
            assert ledger.spent(month) == pytest.approx(before + transcription_usd(15), rel=0.2)
            rates.append(word_error_rate(said, written.text.split()))
        assert min(rates) < 0.8, "something was understood"
        silence = io.BytesIO()
        with wave.open(silence, "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(64_000))
        nothing = client.audio.transcriptions.create(model="whisper-1", file=("said.wav", silence.getvalue()))
        assert nothing.text == ""
        with pytest.raises(openai.BadRequestError, match="understands en-US alone"):
            client.audio.transcriptions.create(model="whisper-1", file=("a.wav", silence.getvalue()), language="pt")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="audio/")
    jobs = voiced.emulator.client("transcribe").list_transcription_jobs()["TranscriptionJobSummaries"]
    assert jobs == []


def test_an_unpatched_emulator_hears_what_nobody_said(unpatched: Emulator) -> None:
    s3, transcribe, name = unpatched.client("s3"), unpatched.client("transcribe"), unique("heard")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a.wav", Body=b"no recording at all")
    transcribe.start_transcription_job(
        TranscriptionJobName=name,
        LanguageCode="en-US",
        MediaFormat="wav",
        Media={"MediaFileUri": f"s3://{name}/a.wav"},
        OutputBucketName=name,
        OutputKey="a.json",
    )
    deadline = time.monotonic() + 60
    while (job := transcribe.get_transcription_job(TranscriptionJobName=name)["TranscriptionJob"])[
        "TranscriptionJobStatus"
    ] == "IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert job["TranscriptionJobStatus"] == "COMPLETED"


def test_a_job_is_looked_at_by_who_may(emulator: Emulator) -> None:
    iam, user = emulator.client("iam"), unique("transcribe-user")
    iam.create_user(UserName=user)
    allowed = f"arn:aws:transcribe:{REGION}:{ACCOUNT}:transcription-job/req_*"
    document = policy({"Action": "transcribe:GetTranscriptionJob", "Resource": allowed})
    iam.put_user_policy(UserName=user, PolicyName="theirs", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    named = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    theirs = emulator.client("transcribe", **named)
    for name, code in (("req_1", "NotFoundException"), ("other", "AccessDeniedException")):
        with pytest.raises(ClientError) as told:
            theirs.get_transcription_job(TranscriptionJobName=name)
        assert told.value.response["Error"]["Code"] in (code, "BadRequestException"), name
        assert ("AccessDenied" in told.value.response["Error"]["Code"]) is (name == "other")
