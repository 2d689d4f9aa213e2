"""A backend that is paid by the token, asked within an allowance only."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from foreverus.backends.port import Backend, Completion, Delta, Finished, Prompt
from foreverus.backends.tokens import MOST_BEDROCK_TOKENS, most_prompt_tokens
from foreverus.costs.allowance import Allowance
from foreverus.costs.prices import TokenPrice
from foreverus.errors import BackendUnavailable, EngineBusy, PromptRejected, SpendCapReached


def most_usd(prompt: Prompt, price: TokenPrice, context_tokens: int = MOST_BEDROCK_TOKENS) -> float:
    """A bound of what a call may cost: a token a byte, and the answer's whole limit or all that the model writes, at a
    guard's price."""
    most = min(prompt.limit or context_tokens, MOST_BEDROCK_TOKENS)
    return price.guard_usd(most_prompt_tokens(prompt), most)


class PaidBackend:
    """Before each call what it may cost at most is taken from the allowance. Where that does not hold it, the call
    waits for those in flight, which will have cost less; where none is, it raises SpendCapReached. `sight`: the price
    of prompts with images, where another one's."""

    def __init__(self, backend: Backend, price: TokenPrice, allowance: Allowance, sight: TokenPrice | None = None):
        self._backend = backend
        self._price = price
        self._sight = sight or price
        self._allowance = allowance
        self._in_flight = 0
        self._settled = asyncio.Event()

    async def complete(self, prompt: Prompt) -> Completion:
        price = self._sight if prompt.images else self._price
        most = most_usd(prompt, price)
        await self._take(most)
        usd = most  # of a call that is cut off or fails nobody knows whether it is paid for
        try:
            whole = await self._backend.complete(prompt)
            usd = price.guard_usd(whole.prompt_tokens, whole.completion_tokens)
            return whole
        except (PromptRejected, EngineBusy, BackendUnavailable):
            usd = 0.0
            raise
        finally:
            self._settle(most, usd)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        price = self._sight if prompt.images else self._price
        most = most_usd(prompt, price)
        await self._take(most)
        usd, begun = most, False
        try:
            async with aclosing(self._backend.stream(prompt)) as events:
                async for event in events:
                    begun = True
                    if isinstance(event, Finished):
                        usd = price.guard_usd(event.prompt_tokens, event.completion_tokens)
                    yield event
        except (PromptRejected, EngineBusy, BackendUnavailable):
            usd = usd if begun else 0.0
            raise
        finally:
            self._settle(most, usd)

    def _settle(self, most: float, usd: float) -> None:
        self._allowance.settle(most, usd)
        self._in_flight -= 1
        self._settled.set()

    async def _take(self, most: float) -> None:
        while True:
            try:
                self._allowance.take(most)
            except SpendCapReached:
                if not self._in_flight:
                    raise
                self._settled.clear()
                await self._settled.wait()
            else:
                self._in_flight += 1
                return
