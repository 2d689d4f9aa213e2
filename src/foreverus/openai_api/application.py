"""The web application: OpenAI's chat endpoints over HTTP, plain and as streams of events, beside those of voice.

It is the same on Lambda, behind the Lambda Web Adapter, and on a laptop (docs/decisions/0032). Who asks stands in the
header that the adapter writes, whatever a client has put there.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from foreverus import tracing
from foreverus.abilities.read_image.parts import named_images
from foreverus.access.records import Caller
from foreverus.api.responses import HEADERS
from foreverus.backends.parameters import CHAT, COMPLETIONS
from foreverus.backends.port import Completion, Delta, Finished
from foreverus.backends.whole import whole_answer
from foreverus.errors import EngineFailed, NotFound, RequestRejected
from foreverus.openai_api import sse
from foreverus.openai_api.answering import Answering
from foreverus.openai_api.http import BareStream, context_of, gone, named, refusal, response, route, told
from foreverus.openai_api.records import AnsweredBy
from foreverus.openai_api.requests import read_body, read_request
from foreverus.openai_api.running import Running, all_over
from foreverus.openai_api.shapes import Shapes
from foreverus.text import quoted

if TYPE_CHECKING:
    from foreverus.openai_api.reading import ReadingDesk
    from foreverus.openai_api.speech import SpeechDesk
    from foreverus.openai_api.transcription import TranscriptionDesk

PATHS = {CHAT: "/chat/completions", COMPLETIONS: "/completions"}
SPEECH_PATH, TRANSCRIPTION_PATH = "/audio/speech", "/audio/transcriptions"
ROUTES = frozenset(f"POST {path}" for path in (*PATHS.values(), SPEECH_PATH, TRANSCRIPTION_PATH))
STREAM_HEADERS = {**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}

Events = Running[Delta | Finished]
Event = Delta | Finished | None


@dataclass(frozen=True, slots=True)
class VoiceDesks:
    """What reads aloud and what listens, made when somebody asks for it."""

    speech: Callable[[], "SpeechDesk"]
    transcription: Callable[[], "TranscriptionDesk"]


def application(
    answering: Answering, voice: VoiceDesks, reading: "Callable[[], ReadingDesk] | None" = None
) -> Starlette:
    """Routes as API Gateway matches them: without the stage's `/v1`. `reading`: where the text in images is read."""
    routes = [route(path, partial(_answer, answering, reading, name)) for name, path in PATHS.items()]
    routes += [route(SPEECH_PATH, partial(_speak, voice)), route(TRANSCRIPTION_PATH, partial(_transcribe, voice))]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route}, lifespan=_lifespan)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await all_over()


async def _no_route(request: Request, error: Exception) -> HttpResponse:
    asked = quoted(f"{request.method} {request.url.path}")
    unknown = refusal(NotFound(f"There is no route {asked}.", code="unknown_route"))
    return named(unknown, context_of(request.headers))


async def _answer(
    answering: Answering, reading: "Callable[[], ReadingDesk] | None", endpoint: str, request: Request, caller: Caller
) -> HttpResponse:
    body = read_body(endpoint, await request.body())
    own = await answering.images_of(caller, named_images(body))
    read = read_request(endpoint, body, answering.served, answering.clock(), own)
    asked = replace(read, credential=request.headers.get("authorization", "").removeprefix("Bearer "))
    if reading and asked.prompt.images:
        asked = await reading().read(asked, caller)
    with tracing.step("enter"):  # its calls of AWS are parts of it, and sent as one
        entered = await answering.enter(asked, caller)
    rate, chosen = entered.admitted.rate.headers(), entered.chosen
    if isinstance(chosen, RequestRejected):
        return refusal(told(chosen), rate)
    try:
        by = AnsweredBy(chosen.backend)
        running = Running(_traced(answering.events(asked, caller, chosen, entered.admitted, by), by), gone(request))
        first = await running.next()
        shapes = Shapes(asked, by.backend)
        if asked.streams:
            return BareStream(_stream(running, first, shapes), headers={**STREAM_HEADERS, **rate})
        return response(200, shapes.whole(await _whole(running, first)), rate)
    except Exception as err:
        return refusal(told(err), rate)


async def _speak(voice: VoiceDesks, request: Request, caller: Caller) -> HttpResponse:
    from foreverus.openai_api.speech import speak  # a chat's cold start has no use for it

    return await speak(voice.speech(), request, caller)


async def _transcribe(voice: VoiceDesks, request: Request, caller: Caller) -> HttpResponse:
    from foreverus.openai_api.transcription import transcribe  # likewise

    return await transcribe(voice.transcription(), request, caller)


async def _traced(
    events: AsyncGenerator[Delta | Finished, None], by: AnsweredBy
) -> AsyncGenerator[Delta | Finished, None]:
    """The same; the trace has how long the first one took, and all."""
    first_at = 0.0
    with tracing.step("answer") as step:
        try:
            async with aclosing(events) as each:
                async for event in each:
                    first_at = first_at or time()
                    yield event
        finally:
            tracing.note(backend=by.backend.value)
            tracing.note_stream(step.begun, first_at)


async def _whole(running: Events, first: Event) -> Completion:
    deltas: list[Delta] = []
    finished, event = None, first
    while event is not None:
        if isinstance(event, Finished):
            finished = event
        else:
            deltas.append(event)
        event = await running.next()
    if finished is None:
        raise EngineFailed("The answer had no end.")
    return whole_answer(deltas, finished)


async def _stream(running: Events, first: Event, shapes: Shapes) -> AsyncGenerator[bytes, None]:
    """The last chunk comes when everything is counted: after it the process may be frozen. What is there at once goes
    out at once: who speaks with the first words, and all that came while the one before was sent."""
    finished, event = None, first
    said = sse.events(shapes.first())
    try:
        while event is not None:
            if isinstance(event, Finished):
                finished = event
            else:
                said += sse.event(shapes.piece(event))
            if said and not running.has_more:
                yield said
                said = b""
            event = await running.next()
        if finished is None:
            raise EngineFailed("The answer had no end.")
        yield said + sse.events(shapes.last(finished)) + sse.DONE
    except Exception as err:
        yield said + sse.error_event(told(err).body())
    finally:
        running.stop()  # the client has gone, or it is over
