"""A call of a SageMaker endpoint for one request: nothing is asked that was not set aside, and what it adds to the
instance's time is counted once (costs/endpoint.py).

A call that finds no copy has woken one: it is told when to come again, as of a GPU that boots, and pays for the start
and the idle time after it, though nobody may come. A call that is refused for another reason adds nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import ceil

from foreverus.access.records import Caller
from foreverus.backends.port import Backend, Completion, Delta, Finished, Prompt, TokenUsage
from foreverus.backends.whole import completed
from foreverus.concurrency import RunBlocking
from foreverus.costs.endpoint import EndpointRate, UpTime, answered, most_seconds, woken
from foreverus.costs.money import at_most
from foreverus.costs.reservations import API_CALL, Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.errors import BackendUnavailable, EngineBusy, EngineStarting, ModelLoading, PromptRejected
from foreverus.openai_api.endpoint_accounts import EndpointAccounts, EndpointUse
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.settling import CALL_S, CallStream, estimated, reservation, settled

LEAST_WAIT_S = 30  # that a client is told, of a copy that should be there by now


def call_name(request: CompletionRequest) -> str:
    """Of a reservation: not Bedrock's, which the same request may need where the endpoint is at rest."""
    return f"{API_CALL}{request.request_id}/sagemaker"


@dataclass(frozen=True, kw_only=True)
class EndpointCalls:
    """The endpoint, what its instance costs, and the accounts that its calls are on."""

    backend: Backend
    rate: EndpointRate
    accounts: EndpointAccounts
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread

    def of(self, request: CompletionRequest, caller: Caller, reserved: Reservation | None = None) -> "EndpointCall":
        """`reserved`: what was set aside for it before."""
        return EndpointCall(self, request, caller, reserved)

    def reservation(self, request: CompletionRequest, up: UpTime | None) -> Reservation:
        """What its call may cost. `up`: for how long the instance is paid already."""
        now = self.clock()
        usd = at_most(self.rate.usd(most_seconds(up, now, CALL_S, self.rate)))
        return reservation(call_name(request), Owner.SAGEMAKER, usd, now)

    def reserve(self, request: CompletionRequest) -> Reservation:
        reserved = self.reservation(request, self.accounts.up())
        self.accounts.reserve(reserved)
        return reserved


@dataclass(frozen=True)
class EndpointCall:
    """`Backend` for one prompt of one caller. Raises ModelLoading and SpendCapReached too."""

    calls: EndpointCalls
    request: CompletionRequest
    caller: Caller
    reserved: Reservation | None = None

    async def complete(self, prompt: Prompt) -> Completion:
        return await completed(self.stream(prompt))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        on = self.calls
        reserved = self.reserved
        if reserved is None:
            reserved = await on.run_blocking(on.reserve, self.request)
        began, call = on.clock(), CallStream(on.backend, prompt)
        try:
            async with aclosing(call.deltas()) as deltas:
                async for delta in deltas:
                    yield delta
        except EngineStarting as err:
            raise self._loading(await self._settle(reserved, self._woken(began))) from err
        except (EngineBusy, BackendUnavailable):
            if not call.said:
                await self._release(reserved)
            else:
                await self._settle(reserved, self._answered(began, call.used))
            raise
        except PromptRejected:  # the copy has looked at it, and has written nothing
            await self._settle(reserved, self._answered(began, None))
            raise
        except BaseException:
            await self._settle(reserved, self._answered(began, call.used))
            raise
        finished = _counted(call.finished, prompt)
        used = TokenUsage(finished.prompt_tokens, finished.completion_tokens)
        await self._settle(reserved, self._answered(began, used))
        yield finished

    def _answered(self, began: datetime, used: TokenUsage | None) -> EndpointUse:
        now = self.calls.clock()
        counts = None if used is None else _usage(used)
        change = partial(_after_answer, began=began, ended=now, rate=self.calls.rate)
        return EndpointUse(user_id=self.caller.user_id, began=began, ended=now, change=change, used=counts)

    def _woken(self, began: datetime) -> EndpointUse:
        now = self.calls.clock()
        change = partial(_after_waking, now=now, rate=self.calls.rate)
        return EndpointUse(user_id=self.caller.user_id, began=began, ended=now, change=change)

    def _loading(self, up: UpTime | None) -> ModelLoading:
        left = (up.ready_at - self.calls.clock()).total_seconds() if up else 0.0
        seconds = max(LEAST_WAIT_S, ceil(left))
        message = f"SageMaker had no copy of the model up, and starts one. It should answer in about {seconds} seconds."
        return ModelLoading(message, seconds)

    async def _settle(self, reserved: Reservation, use: EndpointUse) -> UpTime | None:
        on = self.calls
        return await settled(on.run_blocking, reserved.name, on.accounts.settle, reserved, use)

    async def _release(self, reserved: Reservation) -> None:
        on = self.calls
        await settled(on.run_blocking, reserved.name, on.accounts.release, reserved.month, reserved.name)


def _usage(used: TokenUsage) -> Used:
    """What the instance cost is nobody's: as of a GPU."""
    return Used(
        service=UsedService.SAGEMAKER,
        kind=UsageKind.API,
        messages=1,
        prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens,
    )


def _after_answer(before: UpTime | None, *, began: datetime, ended: datetime, rate: EndpointRate) -> UpTime:
    return answered(before, began, ended, rate)


def _after_waking(before: UpTime | None, *, now: datetime, rate: EndpointRate) -> UpTime:
    return woken(before, now, rate)


def _counted(finished: Finished, prompt: Prompt) -> Finished:
    """DJL's lines do not say how long the prompt was: it is estimated then, on the high side."""
    if finished.prompt_tokens:
        return finished
    return replace(finished, prompt_tokens=estimated(prompt, 0).prompt_tokens)
