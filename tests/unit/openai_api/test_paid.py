"""What a call of Bedrock has cost is noted for a GPU that may be worth it, once."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from foreverus.access.records import Caller
from foreverus.backends.parameters import CHAT
from foreverus.backends.port import TokenUsage
from foreverus.openai_api.paid import PaidCall
from foreverus.openai_api.requests import read_body, read_request
from foreverus.sessions.chat_gpu import ChatGpu
from foreverus.sessions.demand import MemoryDemand
from tests.unit.openai_api.world import PRICE, World


class Nothing:
    """Nothing is live, and nothing may be started."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def call_of(world: World, demand: MemoryDemand) -> PaidCall:
    nothing: Any = Nothing()
    chat_gpu = ChatGpu(
        demand=demand, sessions=nothing, starter=nothing, allowed=False, usd_per_hour=0.4, clock=world.clock
    )
    body = b'{"model": "' + world.served.model_id.encode() + b'", "messages": [{"role": "user", "content": "Hi"}]}'
    request = read_request(CHAT, read_body(CHAT, body), world.served, world.clock())
    return replace(world.paid, chat_gpu=chat_gpu).of(request, Caller(user_id="ana", key_id=""))


def test_it_is_noted_once_however_often_it_is_counted() -> None:
    world, demand = World(), MemoryDemand()
    call = call_of(world, demand)
    reserved = call.calls.reservation(call.request)
    call.calls.accounts.reserve(reserved)
    for _ in range(2):
        asyncio.run(call._settle(reserved, TokenUsage(1000, 500)))
    assert [float(usd) for usd in demand.usd.values()] == [pytest.approx(PRICE.guard_usd(1000, 500))]


def test_a_refused_call_is_not_noted_and_a_note_that_fails_fails_nothing() -> None:
    class Down(MemoryDemand):
        def spent(self, *_: Any) -> None:
            raise ConnectionError("no table")

    world = World()
    for demand, used in ((MemoryDemand(), None), (Down(), TokenUsage(10, 5))):
        call = call_of(world, demand)
        reserved = call.calls.reservation(call.request)
        call.calls.accounts.reserve(reserved)
        asyncio.run(call._settle(reserved, used))
        assert demand.usd == {}
    assert world.purse.month(reserved.month).reservations == ()
