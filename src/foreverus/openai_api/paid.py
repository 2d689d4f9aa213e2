"""A call of Bedrock for one request: nothing is asked that was not set aside, and all that was used is counted once.

The reservation is made before the call; the cost in the month's ledger, the person's usage and the reservation's end
are one transaction after it, before the answer's last word is sent. A call that is cut off counts what had been written
by then: Bedrock says what it took at an answer's end only, so that is estimated, on the high side.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.backends.port import Backend, Completion, Delta, Finished, Prompt, TokenUsage
from foreverus.backends.tokens import MOST_BEDROCK_TOKENS
from foreverus.backends.whole import completed
from foreverus.choice.refusals import THROTTLED_S, UNAVAILABLE_S, BedrockRefusals
from foreverus.concurrency import RunBlocking
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import at_most, exact
from foreverus.costs.paid_backend import most_usd
from foreverus.costs.prices import TokenPrice
from foreverus.costs.reservations import API_CALL, Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.errors import BackendUnavailable, EngineBusy, ImagesNotFetched, PromptRejected
from foreverus.openai_api.accounts import Accounts
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.settling import CallStream, reservation, settled
from foreverus.sessions.chat_gpu import ChatGpu

REFUSALS = (PromptRejected, EngineBusy, BackendUnavailable)  # Bedrock takes nothing for a call that it refuses


@dataclass(frozen=True, kw_only=True)
class PaidCalls:
    """Bedrock, its price, and the accounts that its calls are on. `refusals`: what others are to know of its own."""

    backend: Backend
    price: TokenPrice
    accounts: Accounts
    refusals: BedrockRefusals
    clock: Callable[[], datetime]
    chat_gpu: ChatGpu | None = None
    run_blocking: RunBlocking = asyncio.to_thread

    def of(self, request: CompletionRequest, caller: Caller, reserved: Reservation | None = None) -> "PaidCall":
        """`reserved`: what was set aside for it before."""
        return PaidCall(self, request, caller, reserved)

    def reservation(self, request: CompletionRequest) -> Reservation:
        """What its call may cost."""
        now = self.clock()
        usd = at_most(most_usd(request.prompt, self.price, MOST_BEDROCK_TOKENS))
        return reservation(f"{API_CALL}{request.request_id}", Owner.CHAT, usd, now)


@dataclass(frozen=True)
class PaidCall:
    """`Backend` for one prompt of one caller. Raises SpendCapReached too."""

    calls: PaidCalls
    request: CompletionRequest
    caller: Caller
    reserved: Reservation | None = None

    async def complete(self, prompt: Prompt) -> Completion:
        return await completed(self.stream(prompt))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        on = self.calls
        reserved = self.reserved
        if reserved is None:
            reserved = on.reservation(self.request)
            await on.run_blocking(on.accounts.reserve, reserved)
        call, refused = CallStream(on.backend, prompt), False
        try:
            async with aclosing(call.deltas()) as deltas:
                async for delta in deltas:
                    yield delta
        except ImagesNotFetched:  # before anybody was asked
            refused = True
            raise
        except REFUSALS as err:
            refused = not call.said
            if not isinstance(err, PromptRejected):
                seconds = THROTTLED_S if isinstance(err, EngineBusy) else UNAVAILABLE_S
                await on.run_blocking(on.refusals.note, seconds)
            raise
        finally:
            await self._settle(reserved, None if refused else call.used)
        yield call.finished

    async def _settle(self, reserved: Reservation, used: TokenUsage | None) -> None:
        """None: nothing was used."""
        on, name = self.calls, reserved.name
        if used is None:
            await settled(on.run_blocking, name, on.accounts.release, reserved.month, name)
        else:
            await settled(on.run_blocking, name, self._count, reserved, used)

    def _count(self, reserved: Reservation, used: TokenUsage) -> None:
        on, now = self.calls, self.calls.clock()
        tokens = used.prompt_tokens, used.completion_tokens
        usd = exact(on.price.guard_usd(*tokens))
        cost = CountedCost(usd, ids.timestamp(now), on.price.usd(*tokens) is None)
        counts = Used(
            service=UsedService.BEDROCK,
            kind=UsageKind.API,
            messages=1,
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            usd=usd,
        )
        if on.accounts.settle(reserved, self.caller.user_id, now, cost, counts) and on.chat_gpu:
            on.chat_gpu.answered(float(usd))
