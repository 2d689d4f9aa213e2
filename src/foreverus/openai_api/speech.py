"""POST /v1/audio/speech: a text read aloud, sent on as it is made.

As of an answer on Bedrock, what reading may cost is set aside with the request's place, and what it has cost is counted
before the last piece is sent. A part of the text that Polly was asked for is paid for, heard or not.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from foreverus.abilities.text_to_speech.port import SpeechEngine, SpeechFormat, TextToSpeech, Utterance, billed_at_most
from foreverus.abilities.text_to_speech.sound import Resampler, wav
from foreverus.access.records import Caller
from foreverus.api.responses import HEADERS
from foreverus.costs.reservations import Owner
from foreverus.costs.voice import speech_usd
from foreverus.errors import BackendUnavailable, EngineBusy, InvalidRequest, NotFound, PromptRejected, RequestRejected
from foreverus.openai_api.desk import Desk, PaidPlace
from foreverus.openai_api.http import BareStream, gone, refusal, told
from foreverus.openai_api.running import Running
from foreverus.openai_api.speech_requests import MODELS, OFF, SpeechRequest, read_speech

# Nothing is paid for a call that is refused, or that came while nothing was ready.
REFUSALS = (PromptRejected, EngineBusy, BackendUnavailable, RequestRejected)
MEDIA_TYPES = {
    SpeechFormat.MP3: "audio/mpeg",
    SpeechFormat.OPUS: "audio/ogg",
    SpeechFormat.WAV: "audio/wav",
    SpeechFormat.PCM: "audio/pcm",
}


@dataclass(frozen=True, kw_only=True)
class SpeechDesk:
    """`reader`: None where the deployment's Voice is off; else who makes the one that reads. `owner`: what it is
    counted under. `models`: what may be asked for."""

    reader: Callable[[], TextToSpeech] | None
    desk: Desk
    owner: Owner = Owner.POLLY
    models: Mapping[str, SpeechEngine] = field(default_factory=lambda: MODELS)

    async def enter(self, asked: SpeechRequest, caller: Caller) -> "Reading":
        """Raises what `Desk.enter` raises."""
        assert self.reader is not None
        most = speech_usd(asked.engine.value, asked.most_characters)
        return Reading(self.reader(), asked, await self.desk.enter(asked.request_id, self.owner, most, caller))


@dataclass
class Reading:
    """One request that has its place. `asked`: characters that Polly was asked for, and that are paid."""

    reader: TextToSpeech
    request: SpeechRequest
    place: PaidPlace
    asked: int = 0

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The sound in the asked format. When it is over, what it took is counted and the place is free."""
        try:
            async with aclosing(self._formed()) as pieces:
                async for piece in pieces:
                    yield piece
        except PromptRejected as err:
            raise InvalidRequest(f"The field 'input' cannot be read: {err}", "input", err.reason) from err
        finally:
            await self.place.leave(speech_usd(self.request.engine.value, self.asked), used=self.asked > 0)

    async def _formed(self) -> AsyncGenerator[bytes, None]:
        whole, samples = bytearray(), Resampler()
        for utterance in self.request.utterances:
            async with aclosing(self._read(utterance)) as pieces:
                async for piece in pieces:
                    if self.request.form is SpeechFormat.WAV:
                        whole += piece
                    elif self.request.form is SpeechFormat.PCM:
                        if ready := samples.feed(piece):
                            yield ready
                    else:
                        yield piece
        if self.request.form is SpeechFormat.WAV:  # whose header says how long it is
            yield wav(bytes(whole))
        elif self.request.form is SpeechFormat.PCM:
            yield samples.end()

    async def _read(self, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        most = billed_at_most(utterance.text)
        self.asked += most  # before it is asked: who cancels does not know whether it was
        try:
            spoken = await self.reader.speak(utterance)
        except REFUSALS:
            self.asked -= most
            raise
        self.asked += spoken.characters - most
        async with aclosing(spoken.pieces) as pieces:
            async for piece in pieces:
                yield piece


async def speak(speech: SpeechDesk, request: Request, caller: Caller) -> HttpResponse:
    if speech.reader is None:  # before anything is read
        raise NotFound(OFF, "model", "voice_off")
    asked = read_speech(await request.body(), speech.desk.clock(), speech.models)
    reading = await speech.enter(asked, caller)
    rate = reading.place.admitted.rate.headers()
    try:
        running = Running(reading.pieces(), gone(request))
        first = await running.next()
        headers = {**HEADERS, "Content-Type": MEDIA_TYPES[asked.form], **rate}
        return BareStream(_stream(running, first), headers=headers)
    except Exception as err:
        return refusal(told(err), rate)


async def _stream(running: Running[bytes], first: bytes | None) -> AsyncGenerator[bytes, None]:
    """One that breaks off in the middle ends the connection: a client sees that this is not all."""
    piece = first
    try:
        while piece is not None:
            yield piece
            piece = await running.next()
    finally:
        running.stop()  # the client has gone, or it is over
