"""What reads aloud, where the deployment's Voice is on."""

from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.abilities.text_to_speech.polly import PollySpeech
    from foreverus.limits.requests import RequestLimits
    from foreverus.openai_api.speech import SpeechDesk
    from foreverus.web_settings import ChatCompletionsSettings

CALLS = 32  # in flight at once; a thread is made when it is needed


def speech_desk(env: "ChatCompletionsSettings", limits: "RequestLimits") -> "SpeechDesk":
    from foreverus.openai_api.accounts import AccountStore
    from foreverus.openai_api.speech import SpeechDesk

    return SpeechDesk(
        reader=_reader if env.voice == "managed" else None,
        limits=limits,
        accounts=lambda: AccountStore(shared.purse(env.table_name, env.monthly_cap_usd)),
        clock=aws.clock,
    )


@cache
def _reader() -> "PollySpeech":
    from foreverus.abilities.text_to_speech.polly import PollySpeech
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, config

    return PollySpeech(aws.client("polly", own=config(CALLS, SILENCE_TIMEOUT_S)), CALLS)
