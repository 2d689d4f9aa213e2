"""The life of one answer: a place under the caller's limits, the backend for it, its words, and the place back."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.access.records import Caller
from foreverus.backends.port import Backend, BackendName, Delta, Finished, Prompt, ToolCallPiece
from foreverus.concurrency import RunBlocking
from foreverus.limits.requests import Admission, RequestLimits
from foreverus.openai_api.paid import estimated
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.requests import Served

BackendOf = Callable[[CompletionRequest, Caller], Backend]


class Choose(Protocol):
    """Which backend answers a request: the GPU or Bedrock. Blocks. Raises RequestRejected."""

    def __call__(self, request: CompletionRequest, caller: Caller) -> BackendName: ...


@dataclass(frozen=True, kw_only=True)
class Answering:
    """`backends`: for each, who makes the one that answers a request. `model` is what clients may ask for."""

    served: Served
    limits: RequestLimits
    choose: Choose
    backends: Mapping[BackendName, BackendOf]
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread

    async def admit(self, request: CompletionRequest, caller: Caller) -> Admission:
        """A place under the caller's limits; `events` gives it back. Raises LimitReached."""
        return await self.run_blocking(self.limits.enter, caller.user_id, caller.key_id, request.request_id)

    async def backend(self, request: CompletionRequest, caller: Caller, admitted: Admission) -> BackendName:
        """Which one answers. Raises RequestRejected; the place is given back then."""
        try:
            return await self.run_blocking(self.choose, request, caller)
        except BaseException:
            await self._leave(admitted, 0)
            raise

    async def events(
        self, request: CompletionRequest, caller: Caller, backend: BackendName, admitted: Admission
    ) -> AsyncGenerator[Delta | Finished, None]:
        """What the backend yields. When it is over, what was used is counted and the place is free. Of an answer that
        was cut off, or broke off, that is estimated."""
        tokens = said = 0
        try:
            answerer = self.backends[backend](request, caller)
            events = answerer.stream(request.prompt) if request.streams else _whole(answerer, request.prompt)
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Finished):
                        tokens = event.prompt_tokens + event.completion_tokens
                    else:
                        said += len(event.text.encode("utf-8", "replace"))
                    yield event
        finally:
            await self._leave(admitted, tokens or (estimated(request.prompt, said).total_tokens if said else 0))

    async def _leave(self, admitted: Admission, tokens: int) -> None:
        await self.run_blocking(self.limits.leave, admitted, tokens)


async def _whole(answerer: Backend, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
    """Of an answer that nobody watches a backend may begin anew where it was lost."""
    whole = await answerer.complete(prompt)
    calls = tuple(ToolCallPiece(at, one.id, one.name, one.arguments) for at, one in enumerate(whole.tool_calls))
    yield Delta(whole.text, calls, whole.logprobs)
    yield Finished(whole.finish_reason, whole.prompt_tokens, whole.completion_tokens)
