"""What reads aloud and what listens, where the deployment's Voice is on: AWS's services, or our own container."""

from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, containers, shared

if TYPE_CHECKING:
    from foreverus.abilities.speech_to_text.transcribe import TranscribeListener
    from foreverus.abilities.text_to_speech.polly import PollySpeech
    from foreverus.limits.requests import RequestLimits
    from foreverus.openai_api.desk import Desk
    from foreverus.openai_api.speech import SpeechDesk
    from foreverus.openai_api.transcription import TranscriptionDesk
    from foreverus.settings.openai_api import ChatCompletionsSettings

MANAGED = "managed"
CALLS = 32  # in flight at once; a thread is made when it is needed


def speech_desk(env: "ChatCompletionsSettings", limits: "RequestLimits") -> "SpeechDesk":
    from foreverus.abilities.text_to_speech.container import ContainerSpeech
    from foreverus.costs.reservations import Owner
    from foreverus.openai_api.speech import SpeechDesk
    from foreverus.openai_api.speech_requests import CONTAINER_MODELS

    place = desk(env, limits)
    if env.voice == containers.CONTAINER:
        return SpeechDesk(
            reader=lambda: ContainerSpeech(containers.work(env), aws.objects(env.data_bucket)),
            desk=place,
            owner=Owner.CONTAINER,
            models=CONTAINER_MODELS,
        )
    return SpeechDesk(reader=_reader if env.voice == MANAGED else None, desk=place)


def transcription_desk(env: "ChatCompletionsSettings", limits: "RequestLimits") -> "TranscriptionDesk":
    from foreverus.abilities.speech_to_text.container import ContainerListener
    from foreverus.costs.reservations import Owner
    from foreverus.openai_api.transcription import TranscriptionDesk
    from foreverus.openai_api.transcription_requests import CONTAINER_MODELS

    place = desk(env, limits)
    if env.voice == containers.CONTAINER:
        return TranscriptionDesk(
            listener=lambda: ContainerListener(containers.work(env), aws.objects(env.data_bucket)),
            desk=place,
            owner=Owner.CONTAINER,
            models=CONTAINER_MODELS,
            usd_of=lambda seconds: 0.0,  # a run is paid, whatever it hears
        )
    listener = (lambda: _listener(env.data_bucket)) if env.voice == MANAGED else None
    return TranscriptionDesk(listener=listener, desk=place)


def desk(env: "ChatCompletionsSettings", limits: "RequestLimits") -> "Desk":
    from foreverus.openai_api.accounts import AccountStore
    from foreverus.openai_api.desk import Desk

    return Desk(
        limits=limits,
        accounts=lambda: AccountStore(shared.purse(env.table_name, env.monthly_cap_usd)),
        clock=aws.clock,
    )


@cache
def _reader() -> "PollySpeech":
    from foreverus.abilities.text_to_speech.polly import PollySpeech
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, config

    return PollySpeech(aws.client("polly", own=config(CALLS, SILENCE_TIMEOUT_S)), CALLS)


@cache
def _listener(bucket: str) -> "TranscribeListener":
    from foreverus.abilities.speech_to_text.transcribe import TranscribeListener

    return TranscribeListener(client=aws.client("transcribe"), objects=aws.objects(bucket), bucket=bucket)
