"""Amazon Polly behind the port: one SynthesizeSpeech for each utterance. boto3 blocks, so it and each read of what it
sends run in threads of our own."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from foreverus.abilities.aws_errors import translated
from foreverus.abilities.text_to_speech.port import Spoken, Utterance, billed_at_most
from foreverus.errors import BackendUnavailable, EngineBusy, EngineError, EngineFailed, PromptRejected

PIECE_BYTES = 8192
_TEXTS = ("TextLengthExceededException", "InvalidSsmlException")
_VOICES = ("EngineNotSupportedException", "LanguageNotSupportedException", "ValidationException")
_BUSY = ("ThrottlingException", "TooManyRequestsException", "ServiceUnavailableException")

T = TypeVar("T")


class PollySpeech:
    """`TextToSpeech` over a polly client (its settings: `backends.bedrock.config`)."""

    def __init__(self, client: Any, calls_at_once: int):
        self._client = client
        self._threads = ThreadPoolExecutor(calls_at_once, "polly")

    def close(self) -> None:
        """Does not wait for calls in flight."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def speak(self, utterance: Utterance) -> Spoken:
        asked = request(utterance)
        answer = await self._in_thread(lambda: self._client.synthesize_speech(**asked))
        billed = int(answer.get("RequestCharacters", billed_at_most(utterance.text)))
        return Spoken(billed, self._pieces(answer["AudioStream"]))

    async def _pieces(self, sound: Any) -> AsyncGenerator[bytes, None]:
        try:
            while piece := await self._in_thread(lambda: sound.read(PIECE_BYTES)):
                yield piece
        finally:
            sound.close()

    async def _in_thread(self, do: Callable[[], T]) -> T:
        def done() -> T:
            with translated("Polly", refusal):
                return do()

        return await asyncio.get_running_loop().run_in_executor(self._threads, done)


def request(utterance: Utterance) -> dict[str, object]:
    """SynthesizeSpeech's. Text is text: nothing in it is a tag.

    >>> from foreverus.abilities.text_to_speech.port import Sound, SpeechEngine
    >>> one = Utterance(text="1 < 2", voice="Joanna", engine=SpeechEngine.NEURAL, sound=Sound.PCM, speed=1.25)
    >>> request(one)["Text"]
    '<speak><prosody rate="125%">1 &lt; 2</prosody></speak>'
    """
    text, kind = utterance.text, "text"
    if utterance.speed != 1.0:
        text, kind = f'<speak><prosody rate="{utterance.speed:.0%}">{escape(text)}</prosody></speak>', "ssml"
    return {
        "Engine": utterance.engine.value,
        "VoiceId": utterance.voice,
        "OutputFormat": utterance.sound.value,
        "TextType": kind,
        "Text": text,
    }


def refusal(code: str, message: str, status: int) -> EngineError | PromptRejected:
    """What an error of Polly's means for the caller.

    >>> type(refusal("ServiceFailureException", "", 500)).__name__
    'EngineFailed'
    """
    said = f"Polly answered {code}: {message}"[:500]
    if code in _TEXTS:
        return PromptRejected(said)
    if code in _BUSY or status in (429, 503):
        return EngineBusy(said)
    if code in _VOICES or status in (400, 401, 403, 404):
        return BackendUnavailable(said)
    return EngineFailed(said)
