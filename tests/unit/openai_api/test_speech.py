"""POST /v1/audio/speech as OpenAI's own client calls it, and what it costs."""

import asyncio
import io
import json
import wave
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from foreverus.abilities.text_to_speech.memory import MemorySpeech
from foreverus.abilities.text_to_speech.port import Sound, SpeechEngine
from foreverus.access.records import Caller
from foreverus.costs.reservations import Owner
from foreverus.costs.usage.records import UsageKind, UsedService
from foreverus.costs.voice import speech_usd
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, ModelLoading, PromptRejected
from foreverus.openai_api.speech_requests import CONTAINER_MODELS, MODELS, read_speech
from tests.unit.conftest import NOW
from tests.unit.openai_api.world import MANY, MONTH, World

TEXT = "Bom dia, tudo bem?"


@contextmanager
def clients(world: World) -> Iterator[OpenAI]:
    with world.serving() as url, OpenAI(base_url=url, api_key="ana/key-1", max_retries=0) as client:
        yield client


def test_a_text_is_read_by_a_voice_of_its_language() -> None:
    voice = MemorySpeech()
    world = World(voice=voice)
    with clients(world) as client:
        answer = client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
        assert answer.content == TEXT.encode()
        assert answer.response.headers["content-type"] == "audio/mpeg"
        client.audio.speech.create(model="tts-1-hd", voice="onyx", input="What is it?", response_format="opus")
        client.audio.speech.create(model="polly-neural", voice="Thiago", input="42", speed=1.5)
        client.audio.speech.create(model="tts-1", voice="ash", input="42", extra_body={"language": "pt-BR"})
    asked = [(one.voice, one.engine, one.sound, one.speed) for one in voice.asked]
    assert asked == [
        ("Camila", SpeechEngine.STANDARD, Sound.MP3, 1.0),
        ("Matthew", SpeechEngine.NEURAL, Sound.OGG_OPUS, 1.0),
        ("Thiago", SpeechEngine.NEURAL, Sound.MP3, 1.5),
        ("Ricardo", SpeechEngine.STANDARD, Sound.MP3, 1.0),
    ]


def test_it_is_counted_once_under_a_name_of_its_own() -> None:
    world = World(voice=MemorySpeech())
    with clients(world) as client:
        client.audio.speech.create(model="polly-neural", voice="nova", input=TEXT)
        with client.audio.speech.with_streaming_response.create(
            model="polly-neural", voice="nova", input=TEXT
        ) as streamed:
            assert streamed.read() == TEXT.encode()
    part = world.used("ana").parts[UsedService.POLLY, UsageKind.API]
    assert (part.messages, part.tokens) == (2, 0)
    assert float(part.usd) == pytest.approx(2 * speech_usd("neural", len(TEXT)))
    assert world.purse.ledger.spent(MONTH) == pytest.approx(float(part.usd))
    assert world.purse.month(MONTH).reservations == ()


def test_who_has_signed_in_needs_no_key_and_has_a_persons_limits_and_the_teams_cap() -> None:
    """As the page asks: the authorizer names them, and no key."""
    most = 2 * speech_usd("standard", len(TEXT))
    world = World(voice=MemorySpeech(), person=replace(MANY, per_minute=2), cap_usd=most)
    with world.serving() as url, OpenAI(base_url=url, api_key="ana", max_retries=0) as client:
        for _ in range(2):
            assert client.audio.speech.create(model="tts-1", voice="nova", input=TEXT).content == TEXT.encode()
        with pytest.raises(openai.RateLimitError, match="a minute"):
            client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
    assert world.used("ana").parts[UsedService.POLLY, UsageKind.API].messages == 2
    with (
        world.serving() as url,
        OpenAI(base_url=url, api_key="bia", max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as capped,
    ):
        client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
    assert (capped.value.status_code, capped.value.code) == (402, "spend_cap_reached")


def test_wav_comes_whole_and_pcm_at_the_rate_that_clients_take() -> None:
    world = World(voice=MemorySpeech())
    with clients(world) as client:
        file = client.audio.speech.create(model="tts-1", voice="nova", input="dois sons", response_format="wav")
        with wave.open(io.BytesIO(file.content)) as read:
            assert read.readframes(read.getnframes()) == b"dois sons"[: 2 * read.getnframes()]
        raw = client.audio.speech.create(model="tts-1", voice="nova", input="dois som", response_format="pcm")
        assert len(array("h", raw.content)) == 6, "of four samples"
        assert raw.response.headers["content-type"] == "audio/pcm"


def test_a_long_text_is_several_calls_and_one_sound() -> None:
    voice = MemorySpeech()
    long = "Uma frase de teste. " * 204
    with clients(World(voice=voice)) as client:
        answer = client.audio.speech.create(model="tts-1", voice="nova", input=long)
    assert len(voice.asked) == 2
    assert answer.content.count(b"frase") == 204


def test_what_our_own_container_reads_is_counted_and_costs_nothing_by_itself() -> None:
    """Its run is paid, whatever it reads; one that is not ready yet has done nothing."""
    voice = MemorySpeech()
    world = World(voice=voice)
    world.speech = replace(world.speech, owner=Owner.CONTAINER, models=CONTAINER_MODELS)
    with clients(world) as client:
        client.audio.speech.create(model="container", voice="nova", input=TEXT)
        voice.fail_next(ModelLoading("The container that does this is starting.", 30))
        with pytest.raises(openai.InternalServerError) as told:
            client.audio.speech.create(model="tts-1", voice="onyx", input="What is it?")
        with pytest.raises(openai.NotFoundError, match="container, tts-1"):
            client.audio.speech.create(model="polly-neural", voice="nova", input=TEXT)
    assert (told.value.status_code, told.value.response.headers["retry-after"]) == (503, "30")
    assert [one.voice for one in voice.asked] == ["pt-BR-high", "en-US-low"]
    part = world.used("ana").parts[UsedService.CONTAINER, UsageKind.API]
    assert (part.messages, part.usd) == (1, 0)
    assert world.purse.ledger.spent(MONTH) == 0 and world.purse.month(MONTH).reservations == ()


def test_switched_off_it_says_which_parameter() -> None:
    with clients(World()) as client, pytest.raises(openai.NotFoundError, match="Voice=managed") as told:
        client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
    assert told.value.code == "voice_off"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"model": "whisper-1"}, "model"),
        ({"voice": "bob"}, "voice"),
        ({"voice": "Ricardo", "model": "polly-neural"}, "voice"),
        ({"voice": "Joanna", "language": "pt-BR"}, "language"),
        ({"language": "fr-FR"}, "language"),
        ({"input": ""}, "input"),
        ({"input": " \u200b\n"}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"response_format": "aac"}, "response_format"),
        ({"response_format": "flac"}, "response_format"),
        ({"speed": 4}, "speed"),
        ({"stream_format": "sse"}, "stream_format"),
        ({"instructions": "Whisper."}, "instructions"),
        ({"volume": 3}, "volume"),
    ],
)
def test_what_cannot_be_done_names_the_field_and_costs_nothing(asked: dict[str, Any], param: str) -> None:
    voice = MemorySpeech()
    world = World(voice=voice)
    body = {"model": "tts-1", "voice": "nova", "input": TEXT, **asked}
    with world.serving() as url:
        answer = httpx.post(f"{url}/audio/speech", json=body, headers={"authorization": "Bearer ana/key-1"})
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["param"] == param
    assert (voice.asked, world.purse.ledger.spent(MONTH)) == ([], 0)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PromptRejected("too odd"), 400, "prompt_rejected"),
        (EngineBusy("slowly"), 429, "backend_busy"),
        (BackendUnavailable("no such engine here"), 503, "backend_unavailable"),
    ],
)
def test_what_polly_refuses_is_told_and_costs_nothing(error: Exception, status: int, code: str) -> None:
    voice = MemorySpeech()
    voice.fail_next(error)
    world = World(voice=voice)
    with clients(world) as client, pytest.raises(openai.APIStatusError) as told:
        client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
    assert (told.value.status_code, told.value.code) == (status, code)
    assert world.purse.ledger.spent(MONTH) == 0
    assert world.purse.month(MONTH).reservations == ()


@pytest.mark.parametrize("after", [-1, 0, 2])
def test_what_breaks_off_is_seen_by_the_client_and_paid(after: int) -> None:
    voice = MemorySpeech()
    voice.fail_next(EngineFailed("gone"), after)
    world = World(voice=voice)
    with clients(world) as client, pytest.raises((openai.APIError, httpx.HTTPError)):
        client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
    assert world.purse.ledger.spent(MONTH) == pytest.approx(speech_usd("standard", len(TEXT)))
    assert world.purse.month(MONTH).reservations == ()


def test_the_months_cap_holds_before_anything_is_asked() -> None:
    voice = MemorySpeech()
    world = World(voice=voice, cap_usd=speech_usd("neural", 5))
    with clients(world) as client, pytest.raises(openai.APIStatusError, match="monthly cap") as told:
        client.audio.speech.create(model="polly-neural", voice="nova", input=TEXT)
    assert (told.value.status_code, voice.asked) == (402, [])
    assert world.purse.month(MONTH).reservations == ()


def test_whoever_goes_away_pays_for_the_part_that_was_asked() -> None:
    async def play(world: World, voice: MemorySpeech) -> None:
        body = {"model": "tts-1", "voice": "nova", "input": "Uma frase de teste. " * 204}
        asked = read_speech(json.dumps(body).encode(), NOW)
        reading = await world.speech.enter(asked, Caller(user_id="ana", key_id=""))
        pieces = reading.pieces()
        await anext(pieces)
        await pieces.aclose()
        first = voice.asked[0].text
        assert len(voice.asked) == 1 and len(first) < asked.most_characters
        assert world.purse.ledger.spent(MONTH) == pytest.approx(speech_usd("standard", len(first)))
        assert world.purse.month(MONTH).reservations == ()

    voice = MemorySpeech()
    asyncio.run(play(World(voice=voice), voice))


def test_each_model_has_a_price() -> None:
    assert all(speech_usd(engine.value, 1) > 0 for engine in MODELS.values())
