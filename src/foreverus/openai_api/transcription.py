"""POST /v1/audio/transcriptions: what somebody says, written down. It is text and no more: nothing is started by it.

What listening costs is known before: the recording's seconds. So much is set aside with the request's place and counted
at its end, also where it broke off: only a recording that Transcribe was not asked for is not paid.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response as HttpResponse

from foreverus.abilities.speech_to_text.port import SpeechToText, Transcript
from foreverus.access.records import Caller
from foreverus.api.responses import HEADERS, Shown
from foreverus.costs.reservations import Owner
from foreverus.costs.voice import LEAST_SECONDS, transcription_usd
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    InvalidRequest,
    NotFound,
    PromptRejected,
    RequestRejected,
)
from foreverus.openai_api.desk import Desk
from foreverus.openai_api.http import gone, refusal, response, told
from foreverus.openai_api.running import Running
from foreverus.openai_api.speech_requests import OFF
from foreverus.openai_api.transcription_requests import (
    MODELS,
    TranscriptFormat,
    TranscriptionRequest,
    read_transcription,
)


@dataclass(frozen=True, kw_only=True)
class TranscriptionDesk:
    """`listener`: None where the deployment's Voice is off; else who makes the one that listens. `owner`: what it is
    counted under. `models`: what may be asked for. `usd_of`: what so many seconds cost."""

    listener: Callable[[], SpeechToText] | None
    desk: Desk
    owner: Owner = Owner.TRANSCRIBE
    models: Sequence[str] = MODELS
    usd_of: Callable[[float], float] = transcription_usd


async def transcribe(at: TranscriptionDesk, request: Request, caller: Caller) -> HttpResponse:
    if at.listener is None:
        raise NotFound(OFF, "model", "voice_off")
    kind = request.headers.get("content-type", "")
    asked = read_transcription(kind, await request.body(), at.desk.clock(), at.models)
    most = at.usd_of(asked.recording.seconds)
    place = await at.desk.enter(asked.request_id, at.owner, most, caller)
    rate = place.admitted.rate.headers()

    async def listen(listener: SpeechToText) -> AsyncGenerator[Transcript, None]:
        usd, used = most, True
        try:
            written = await listener.transcribe(asked.request_id, asked.recording)
            usd = at.usd_of(max(asked.recording.seconds, written.until))
            yield written
        except (EngineBusy, BackendUnavailable, RequestRejected):
            usd, used = 0.0, False
            raise
        except PromptRejected as err:
            message = f"The field 'file' cannot be listened to: {err}"
            raise InvalidRequest(message, "file", err.reason) from err
        finally:
            await place.leave(usd, used)

    try:
        running = Running(listen(at.listener()), gone(request))
        written, _ = await running.next(), await running.next()  # the second one: when it is counted
        if written is None:
            raise EngineFailed("There is no transcript.")
        return shown(asked, written, rate)
    except Exception as err:
        return refusal(told(err), rate)


def shown(asked: TranscriptionRequest, written: Transcript, rate: Mapping[str, str]) -> HttpResponse:
    if asked.form is TranscriptFormat.TEXT:
        return PlainTextResponse(f"{written.text}\n", headers={**HEADERS, **rate})
    seconds = asked.recording.seconds
    body: Shown = {"text": written.text}
    if asked.form is TranscriptFormat.VERBOSE_JSON:
        body = {"task": "transcribe", "language": written.language, "duration": round(seconds, 2), **body}
    paid = max(LEAST_SECONDS, ceil(max(seconds, written.until)))
    return response(200, {**body, "usage": {"type": "duration", "seconds": paid}}, rate)
