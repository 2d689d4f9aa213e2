"""The web application on a real socket of loopback, with a backend in memory that says what a test tells it to."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import uvicorn

from foreverus.abilities.read_image.memory import MemoryReader, MemorySight
from foreverus.abilities.read_image.stored import StoredImages
from foreverus.abilities.speech_to_text.memory import MemoryListener
from foreverus.abilities.text_to_speech.memory import MemorySpeech
from foreverus.access.preferences import Preferences
from foreverus.backends.images import PromptImage
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Backend, BackendName, Completion, Delta, Finished, Prompt
from foreverus.backends.sights import SeeingModel
from foreverus.backends.whole import whole_answer
from foreverus.choice.refusals import MemoryRefusals, NotNoted
from foreverus.choice.sagemaker import SageMakerNow
from foreverus.costs.endpoint import EndpointRate
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.usage.records import DayUsage, day_of
from foreverus.files.images import PersonsImages
from foreverus.files.service import FileService
from foreverus.files.store import FileStore
from foreverus.limits.request_rules import RequestCaps
from foreverus.limits.requests import RequestLimits
from foreverus.limits.store import MemoryCounts
from foreverus.openai_api.accounts import MemoryAccounts
from foreverus.openai_api.answering import Answering, Door
from foreverus.openai_api.application import VoiceDesks, application
from foreverus.openai_api.choosing import RequestChooser, shown_to_gpu
from foreverus.openai_api.desk import Desk
from foreverus.openai_api.endpoint import EndpointCalls
from foreverus.openai_api.endpoint_accounts import MemoryEndpointAccounts
from foreverus.openai_api.http import CONTEXT
from foreverus.openai_api.paid import PaidCalls
from foreverus.openai_api.reading import ReadingDesk
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.requests import Served
from foreverus.openai_api.settling import CALL_S
from foreverus.openai_api.speech import SpeechDesk
from foreverus.openai_api.transcription import TranscriptionDesk
from foreverus.sessions.backends_now import BackendsNow, Figures, bedrock_now, gpu_now, sight_now
from foreverus.sessions.gpu_state import GpuState
from tests.unit.conftest import Clock

MODEL = "mistral-7b-instruct-v0.3"
MONTH = "2026-01"
PRICE = TokenPrice(0.15, 0.20, "a test's")
SIGHT_PRICE = TokenPrice(0.06, 0.24, "a test's")
RATE = EndpointRate(usd_per_hour=1.8, start_seconds=600, idle_seconds=1200)
NOTHING_LIVE = GpuState(slots=0, waiting=0, is_booting=False, boot_seconds=200.0)
MANY = RequestCaps(whose="one person", per_minute=1000, at_once=1000, tokens_per_day=1_000_000)


class Paused:
    """A backend that says each word when the test lets it. `ended`: nobody waits for its answer any more."""

    def __init__(self, words: list[str]):
        self.words = words
        self.may = [threading.Event() for _ in (*words, "end")]
        self.ended = threading.Event()

    async def complete(self, prompt: Prompt) -> Completion:
        events = [event async for event in self.stream(prompt)]
        finished = events.pop()
        assert isinstance(finished, Finished)
        return whole_answer([one for one in events if isinstance(one, Delta)], finished)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        try:
            for word, may in zip((*self.words, None), self.may, strict=True):
                while not may.is_set():
                    await asyncio.sleep(0.005)
                yield Delta(word) if word is not None else Finished("stop", 5, len(self.words))
        finally:
            self.ended.set()


@dataclass
class World:
    """`bedrock`, `gpu` and `endpoint`: what answers there; the last one is SageMaker's, where the stack has one.
    `voice`, `ears`: who reads aloud and who listens, None where Voice is off. `sight`: who sees, None where Images is
    off. `files`: where people keep images."""

    bedrock: Backend = field(default_factory=MemoryEngine)
    gpu: Backend = field(default_factory=MemoryEngine)
    endpoint: Backend | None = None
    voice: MemorySpeech | None = None
    ears: MemoryListener | None = None
    sight: MemorySight | None = None
    files: FileService | None = None
    eyes: MemoryReader | None = None  # who reads images, where nobody sees them
    gpu_sees: SeeingModel | None = None
    rate: EndpointRate = RATE
    person: RequestCaps = MANY
    key: RequestCaps = MANY
    everybody: RequestCaps = MANY
    cap_usd: float = 10.0
    has_bedrock: bool = True
    context_tokens: int = 8192
    clock: Clock = field(default_factory=Clock)
    gpus: GpuState = NOTHING_LIVE
    prefers: Preferences = field(default_factory=Preferences)

    def __post_init__(self) -> None:
        self.counts = MemoryCounts()
        self.purse = MemoryPurse(self.cap_usd)
        self.served = Served(MODEL, self.endpoint is not None, self.sees, self.eyes is not None, self.gpu_sees)
        self.refusals = MemoryRefusals(self.clock)
        self.paid = PaidCalls(
            backend=self.bedrock,
            price=PRICE,
            accounts=MemoryAccounts(self.purse, self.counts.usage, self.counts),
            refusals=self.refusals,
            clock=self.clock,
        )
        sight: Backend = self.sight or MemorySight()
        if self.files:
            sight = StoredImages(sight, self.files.objects)
        self.seen = replace(self.paid, backend=sight, price=SIGHT_PRICE, refusals=NotNoted())
        self.endpoints = EndpointCalls(
            backend=self.endpoint or MemoryEngine(),
            rate=self.rate,
            accounts=MemoryEndpointAccounts(self.purse, self.counts.usage, self.rate),
            clock=self.clock,
        )
        reservations = {
            BackendName.BEDROCK: lambda asked: self.paid_for(asked).reservation(asked),
            BackendName.SAGEMAKER: lambda asked: self.endpoints.reservation(asked, self.endpoints.accounts.up()),
        }
        choose = RequestChooser(
            served=self.served,
            context_tokens=self.context_tokens,
            has_bedrock=self.has_bedrock,
            gpus=lambda: self.gpus,
            now=self.now,
            preferences=lambda user_id: self.prefers,
            stack=BackendName.AUTO,
            sagemaker=self.sagemaker if self.endpoint else None,
        )
        limits = RequestLimits(self.counts, self.person, self.key, self.everybody, self.clock)
        desk = Desk(limits=limits, accounts=lambda: self.paid.accounts, clock=self.clock)
        voice, ears, eyes = self.voice, self.ears, self.eyes
        self.reading = ReadingDesk(reader=lambda: eyes, desk=desk, seen=self.shown_to_gpu) if eyes else None
        self.speech = SpeechDesk(reader=(lambda: voice) if voice else None, desk=desk)
        listening = TranscriptionDesk(listener=(lambda: ears) if ears else None, desk=desk)
        self.of_voice = VoiceDesks(lambda: self.speech, lambda: listening)
        self.answering = Answering(
            served=self.served,
            limits=limits,
            door=lambda request, caller: Door(self.counts, choose, self.paid.accounts, reservations),
            backends={
                BackendName.BEDROCK: lambda request, caller, chosen: self.paid_for(request).of(
                    request, caller, chosen.reserved
                ),
                BackendName.GPU: lambda request, caller, chosen: self.gpu,
                BackendName.SAGEMAKER: lambda request, caller, chosen: self.endpoints.of(
                    request, caller, chosen.reserved
                ),
            },
            clock=self.clock,
            images=self.images if self.sight else None,
        )

    def images(self, user_id: str, file_ids: Sequence[str], now: datetime) -> Mapping[str, PromptImage]:
        assert self.files and isinstance(self.files.store, FileStore)
        return PersonsImages(self.files.store.items)(user_id, file_ids, now)

    def shown_to_gpu(self, request: CompletionRequest) -> bool:
        return shown_to_gpu(request, self.served, self.context_tokens, lambda: self.gpus)

    @property
    def sees(self) -> str:
        return self.sight.model_id if self.sight else ""

    def paid_for(self, request: CompletionRequest) -> PaidCalls:
        return self.seen if request.prompt.images else self.paid

    def sagemaker(self) -> SageMakerNow:
        return SageMakerNow(
            rate=self.rate,
            up=self.endpoints.accounts.up(),
            now=self.clock(),
            context_tokens=self.context_tokens,
            call_seconds=CALL_S,
        )

    def now(self, gpus: GpuState) -> BackendsNow:
        figures = Figures(
            region="us-east-1",
            instance_type="g6.xlarge",
            context_tokens=self.context_tokens,
            idle_seconds=300,
            bedrock=self.has_bedrock,
            bedrock_price=PRICE,
            sees=self.sees,
            sees_price=SIGHT_PRICE,
            gpu_sees=self.gpu_sees,
        )
        bedrock = bedrock_now(figures, self.refusals.left_s())
        month = partial(self.purse.month, MONTH)
        totals, sight = self.purse.totals(MONTH), sight_now(figures)
        return BackendsNow(gpu_now(figures, gpus), bedrock, totals, gpus, month, sight)

    def used(self, user_id: str = "user-1") -> DayUsage:
        return self.counts.usage.day(user_id, day_of(self.clock()))

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address that a client takes for its base_url."""
        reading = self.reading
        app = InPlaceOfTheAdapter(application(self.answering, self.of_voice, (lambda: reading) if reading else None))
        config = uvicorn.Config(app, port=0, log_config=None, ws="none", http="h11", loop="asyncio", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
            (listening,) = server.servers[0].sockets
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class InPlaceOfTheAdapter:
    """What API Gateway and the adapter make of a request: no stage in the path, and the authorizer's word for who asks.
    A key of these tests is `<user id>/<key id>`."""

    app: Callable[..., Any]

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = [(name, value) for name, value in scope["headers"] if name != CONTEXT.encode()]
        asks = dict(headers).get(b"authorization", b"").decode().removeprefix("Bearer ")
        user_id, _, key_id = asks.partition("/")
        context = {"authorizer": {"user_id": user_id} | ({"key_id": key_id} if key_id else {})}
        headers.append((CONTEXT.encode(), json.dumps(context).encode()))
        path = scope["path"].removeprefix("/v1")
        await self.app({**scope, "headers": headers, "path": path, "raw_path": path.encode()}, receive, send)
