"""POST /v1/audio/speech: a text read aloud, sent on as it is made.

As of an answer on Bedrock, what reading may cost is set aside with the request's place, and what it has cost is counted
before the last piece is sent. A part of the text that Polly was asked for is paid for, heard or not.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from foreverus import ids
from foreverus.abilities.text_to_speech.port import SpeechFormat, TextToSpeech, Utterance, billed_at_most
from foreverus.abilities.text_to_speech.sound import Resampler, wav
from foreverus.access.records import Caller
from foreverus.api.responses import HEADERS
from foreverus.backends.port import BackendName
from foreverus.concurrency import RunBlocking
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import at_most, exact
from foreverus.costs.reservations import API_CALL, Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used
from foreverus.costs.voice import speech_usd
from foreverus.errors import BackendUnavailable, EngineBusy, InvalidRequest, NotFound, PromptRejected
from foreverus.limits.requests import Admission, RequestLimits
from foreverus.openai_api.accounts import Accounts
from foreverus.openai_api.http import BareStream, gone, refusal, told
from foreverus.openai_api.running import Running
from foreverus.openai_api.settling import reservation, settled
from foreverus.openai_api.speech_requests import OFF, SpeechRequest, read_speech

REFUSALS = (PromptRejected, EngineBusy, BackendUnavailable)  # Polly takes nothing for a call that it refuses
MEDIA_TYPES = {
    SpeechFormat.MP3: "audio/mpeg",
    SpeechFormat.OPUS: "audio/ogg",
    SpeechFormat.WAV: "audio/wav",
    SpeechFormat.PCM: "audio/pcm",
}


@dataclass(frozen=True, kw_only=True)
class SpeechDesk:
    """`reader`: None where the deployment's Voice is off; else who makes the one that reads."""

    reader: Callable[[], TextToSpeech] | None
    limits: RequestLimits
    accounts: Callable[[], Accounts]
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread

    def enter(self, asked: SpeechRequest, caller: Caller) -> "Reading":
        """Takes a place under the caller's limits, with what reading may cost, all or nothing. Blocks. Raises
        LimitReached, SpendCapReached, NotAccepted."""
        now, accounts = self.clock(), self.accounts()
        usd = at_most(speech_usd(asked.engine.value, asked.most_characters))
        reserved = reservation(f"{API_CALL}{asked.request_id}", Owner.POLLY, usd, now)
        admitted = self.limits.enter(
            caller.user_id, caller.key_id, asked.request_id, lambda changes: accounts.reserve_with(reserved, changes)
        )
        return Reading(self, asked, admitted, reserved, accounts)


@dataclass
class Reading:
    """One request that has its place. `asked`: characters that Polly was asked for, and that are paid."""

    desk: SpeechDesk
    request: SpeechRequest
    admitted: Admission
    reserved: Reservation
    accounts: Accounts
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
            await self._settle()
            await self.desk.run_blocking(self.desk.limits.leave, self.admitted, 0)

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
        assert self.desk.reader is not None
        most = billed_at_most(utterance.text)
        self.asked += most  # before it is asked: who cancels does not know whether it was
        try:
            spoken = await self.desk.reader().speak(utterance)
        except REFUSALS:
            self.asked -= most
            raise
        self.asked += spoken.characters - most
        async with aclosing(spoken.pieces) as pieces:
            async for piece in pieces:
                yield piece

    async def _settle(self) -> None:
        run, reserved = self.desk.run_blocking, self.reserved
        if self.asked:
            await settled(run, reserved.name, self._count)
        else:
            await settled(run, reserved.name, self.accounts.release, reserved.month, reserved.name)

    def _count(self) -> None:
        now = self.desk.clock()
        usd = exact(speech_usd(self.request.engine.value, self.asked))
        used = Used(backend=BackendName.POLLY, kind=UsageKind.API, messages=1, usd=usd)
        self.accounts.settle(self.reserved, self.admitted.user_id, now, CountedCost(usd, ids.timestamp(now)), used)


async def speak(desk: SpeechDesk, request: Request, caller: Caller) -> HttpResponse:
    if desk.reader is None:
        raise NotFound(OFF, "model", "voice_off")
    asked = read_speech(await request.body(), desk.clock())
    reading = await desk.run_blocking(desk.enter, asked, caller)
    rate = reading.admitted.rate.headers()
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
