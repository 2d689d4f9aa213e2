"""The life of one answer: a place under the caller's limits, the backend for it, its words, and the place back."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from foreverus.access.records import Caller
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend, BackendName, Delta, Finished, Prompt, ToolCallPiece
from foreverus.choice.request import images_off
from foreverus.concurrency import RunBlocking
from foreverus.costs.reservations import Reservation
from foreverus.errors import GpuFull, LimitReached, ModelLoading, RequestRejected
from foreverus.limits.requests import Admission, RequestLimits
from foreverus.limits.store import Counts
from foreverus.metrics import SILENT, Metrics
from foreverus.openai_api.accounts import Accounts
from foreverus.openai_api.measuring import RequestTimes
from foreverus.openai_api.records import AnsweredBy, ChosenBackend, CompletionRequest
from foreverus.openai_api.requests import Served
from foreverus.openai_api.settling import estimated

BackendOf = Callable[[CompletionRequest, Caller, ChosenBackend], Backend]


class Choose(Protocol):
    """Which backend answers a request. Blocks. Raises RequestRejected."""

    def __call__(self, request: CompletionRequest, caller: Caller) -> ChosenBackend: ...


@dataclass(frozen=True, slots=True)
class Door:
    """What one request is let in by. Its parts read the same items, which are read once for all of them.
    `reservations`: what its answer may cost, of the backends of which that is known by then."""

    counts: Counts
    choose: Choose
    accounts: Accounts
    reservations: Mapping[BackendName, Callable[[CompletionRequest], Reservation]]


@dataclass(frozen=True, slots=True)
class Entered:
    """`chosen`: or why nobody answers; the place is given back then."""

    admitted: Admission
    chosen: ChosenBackend | RequestRejected


@dataclass(frozen=True, kw_only=True)
class Answering:
    """`door`: of a request and its caller. `backends`: for each, who makes the one that answers a request. `served` is
    what clients may ask for."""

    served: Served
    limits: RequestLimits
    door: Callable[[CompletionRequest, Caller], Door]
    backends: Mapping[BackendName, BackendOf]
    clock: Callable[[], datetime]
    # A person's images of these ids; None: the deployment sees none.
    images: Callable[[str, Sequence[str], datetime], Mapping[str, PromptImage]] | None = None
    run_blocking: RunBlocking = asyncio.to_thread
    # The requests of one process come in, and go, one after the other, instead of overtaking each other's writes.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    metrics: Metrics = SILENT

    async def images_of(self, caller: Caller, file_ids: Sequence[str]) -> Mapping[str, PromptImage]:
        """Those that are there. Raises InvalidRequest."""
        if not file_ids:
            return {}
        if self.images is None:
            raise images_off("messages")
        return await self.run_blocking(self.images, caller.user_id, file_ids, self.clock())

    async def enter(self, request: CompletionRequest, caller: Caller) -> Entered:
        """Chooses who answers, and takes a place under the caller's limits, with what the answer may cost where that
        is known by then: one look and one transaction. `events` gives the place back. Raises LimitReached."""
        async with self.turn:
            entered = await self.run_blocking(self._enter, request, caller)
        if isinstance(entered.chosen, RequestRejected):
            await self._leave(entered.admitted, 0)
        return entered

    def _enter(self, request: CompletionRequest, caller: Caller) -> Entered:
        door = self.door(request, caller)
        enter = partial(self.limits.over(door.counts).enter, caller.user_id, caller.key_id, request.request_id)
        try:
            chosen = door.choose(request, caller)
            reservation = door.reservations.get(chosen.backend)
            if reservation is None:
                return Entered(enter(), chosen)
            reserved = reservation(request)
            admitted = enter(lambda changes: door.accounts.reserve_with(reserved, changes))
            return Entered(admitted, replace(chosen, reserved=reserved))
        except LimitReached:
            raise
        except RequestRejected as err:  # counted all the same: who is refused again and again comes to the limit
            return Entered(enter(), err)

    async def events(
        self, request: CompletionRequest, caller: Caller, chosen: ChosenBackend, admitted: Admission, by: AnsweredBy
    ) -> AsyncGenerator[Delta | Finished, None]:
        """What the backend yields, which `by` names with the first event. When it is over, what was used is counted and
        the place is free. Of an answer that was cut off, or broke off, that is estimated."""
        tokens = said = 0
        times = RequestTimes(self.metrics, request.streams)
        try:
            async with aclosing(self._from_either(request, caller, chosen, by)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        tokens = event.prompt_tokens + event.completion_tokens
                        times.end(by.backend)
                    else:
                        said += len(event.text.encode("utf-8", "replace"))
                        times.word()
                    yield event
        except Exception as err:
            times.end(by.backend, err)
            raise
        finally:
            await self._leave(admitted, tokens or (estimated(request.prompt, said).total_tokens if said else 0))

    async def _from_either(
        self, request: CompletionRequest, caller: Caller, chosen: ChosenBackend, by: AnsweredBy
    ) -> AsyncGenerator[Delta | Finished, None]:
        """A GPU or an endpoint that filled up, or went, since it was chosen has said nothing: the spare one answers,
        with a reservation of its own."""
        begun = False
        try:
            async with aclosing(self._from(chosen.backend, request, caller, chosen)) as events:
                async for event in events:
                    begun = True
                    yield event
            return
        except (GpuFull, ModelLoading):
            if begun or chosen.spare is None:
                raise
        by.backend = chosen.spare
        async with aclosing(self._from(chosen.spare, request, caller, replace(chosen, reserved=None))) as events:
            async for event in events:
                yield event

    def _from(
        self, backend: BackendName, request: CompletionRequest, caller: Caller, chosen: ChosenBackend
    ) -> AsyncGenerator[Delta | Finished, None]:
        answerer = self.backends[backend](request, caller, chosen)
        return answerer.stream(request.prompt) if request.streams else _whole(answerer, request.prompt)

    async def _leave(self, admitted: Admission, tokens: int) -> None:
        async with self.turn:
            await self.run_blocking(self.limits.leave, admitted, tokens)


async def _whole(answerer: Backend, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
    """Of an answer that nobody watches a backend may begin anew where it was lost."""
    whole = await answerer.complete(prompt)
    calls = tuple(ToolCallPiece(at, one.id, one.name, one.arguments) for at, one in enumerate(whole.tool_calls))
    yield Delta(whole.text, calls, whole.logprobs)
    yield Finished(whole.finish_reason, whole.prompt_tokens, whole.completion_tokens)
