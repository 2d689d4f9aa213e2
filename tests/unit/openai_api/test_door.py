"""A request's way in, as its Lambda is put together: what it reads and writes before Bedrock is asked, and after it."""

import os
from typing import Any

import pytest

from foreverus.access.records import Caller
from foreverus.aws import keys
from foreverus.backends.parameters import CHAT
from foreverus.backends.port import BackendName
from foreverus.bootstrap import aws as clients
from foreverus.bootstrap import chat_completions
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.money import exact
from foreverus.costs.purse import PurseStore
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.errors import SpendCapReached
from foreverus.ids import timestamp
from foreverus.limits.records import Kind
from foreverus.limits.store import EVERYBODY, CountStore
from foreverus.openai_api.accounts import AccountStore
from foreverus.openai_api.answering import Answering, Door, Entered
from foreverus.openai_api.records import ChosenBackend, CompletionRequest
from foreverus.openai_api.requests import Served, read_body, read_request
from foreverus.settings.openai_api import ChatCompletionsSettings
from tests.unit.conftest import Aws

ME = Caller(user_id="user-1", key_id="key-1")
MORE = {
    "AWS_LWA_PORT": "8080",
    "BEDROCK_MODEL_ID": "mistral.mistral-7b-instruct-v0:2",
    "CHAT_BACKEND": "auto",
    "INSTANCE_TYPES": "g6.xlarge",
    "PERSON_REQUESTS_PER_MINUTE": "60",
    "PERSON_REQUESTS_AT_ONCE": "4",
    "PERSON_TOKENS_PER_DAY": "100000",
    "KEY_REQUESTS_PER_MINUTE": "60",
    "KEY_REQUESTS_AT_ONCE": "4",
    "KEY_TOKENS_PER_DAY": "0",
    "ALL_REQUESTS_AT_ONCE": "6",
}


@pytest.fixture
def answering(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Answering:
    for name, value in MORE.items():
        monkeypatch.setenv(name, value)
    env = ChatCompletionsSettings.from_env(os.environ)
    served = Served(env.model_id)
    return Answering(
        served=served,
        limits=chat_completions._limits(env),
        door=chat_completions._door(env, served),
        backends={},
        clock=clients.clock,
    )


@pytest.fixture
def made(answering: Answering) -> list[str]:
    """The calls of DynamoDB from now on."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    clients.client("dynamodb").meta.events.register("before-call.dynamodb", note)
    return calls


def request(answering: Answering, model: str = "mistral-7b-instruct-v0.3@bedrock") -> CompletionRequest:
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hi"}}], "max_tokens": 8}}'
    return read_request(CHAT, read_body(CHAT, body.encode()), answering.served, answering.clock())


def entered(answering: Answering, **named: Any) -> tuple[Entered, ChosenBackend]:
    found = answering._enter(request(answering, **named), ME)
    assert isinstance(found.chosen, ChosenBackend), found.chosen
    return found, found.chosen


def test_one_read_and_one_transaction_before_bedrock_is_asked(aws: Aws, answering: Answering, made: list[str]) -> None:
    found, chosen = entered(answering)
    assert made == ["BatchGetItem", "TransactWriteItems"]
    assert chosen.reserved and chosen.backend is BackendName.BEDROCK
    counts, purse = CountStore(aws.items), PurseStore(aws.items, 20.0)
    for user_id, key_id in (("user-1", ""), ("user-1", "key-1"), (EVERYBODY, "")):
        assert list(counts.read(user_id, Kind.REQUESTS, key_id).held) == [found.admitted.request_id]
    assert purse.reservation(chosen.reserved.month, chosen.reserved.name) == chosen.reserved
    assert purse.month(chosen.reserved.month).committed == chosen.reserved.usd > 0


def test_after_the_answer_what_it_cost_is_one_transaction_and_the_place_a_read_and_one(
    aws: Aws, answering: Answering, made: list[str]
) -> None:
    found, chosen = entered(answering)
    reserved, now = chosen.reserved, answering.clock()
    assert reserved
    made.clear()
    used = Used(service=UsedService.BEDROCK, kind=UsageKind.API, messages=1, prompt_tokens=5, completion_tokens=2)
    accounts, cost = (
        AccountStore(PurseStore(clients.items(aws.items.name))),
        CountedCost(exact("0.000001"), timestamp(now)),
    )
    assert accounts.settle(reserved, "user-1", now, cost, used)
    answering.limits.leave(found.admitted, 7)
    assert made == ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"]
    assert not accounts.settle(reserved, "user-1", now, cost, used), "once"
    month = PurseStore(aws.items, 20.0).month(reserved.month)
    assert (month.spent, month.committed, month.reservations) == (exact("0.000001"), exact("0.000001"), ())
    assert not CountStore(aws.items).read(EVERYBODY, Kind.REQUESTS).held


@pytest.mark.parametrize("whose", ["count", "purse"])
def test_who_is_overtaken_looks_again_and_takes_both_or_none(
    aws: Aws, answering: Answering, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the write somebody else takes a place, or a part of the month."""
    offer = PurseStore.offer
    others = iter(range(2))

    def overtaken(self: PurseStore, wanted: Any, least: Any = None) -> Any:
        found = offer(self, wanted, least)
        if next(others, None) is not None:
            monkeypatch.setattr(PurseStore, "offer", offer)
            if whose == "count":
                answering.limits.enter("user-2", "", f"req_{wanted.name}")
            else:
                PurseStore(aws.items, 20.0).reserve(wanted.__class__(**{**fields(wanted), "name": "api/other"}))
            monkeypatch.setattr(PurseStore, "offer", overtaken)
        return found

    monkeypatch.setattr(PurseStore, "offer", overtaken)
    _, chosen = entered(answering)
    assert chosen.reserved
    month = PurseStore(aws.items, 20.0).month(chosen.reserved.month)
    assert month.committed == sum(one.usd for one in month.reservations) and chosen.reserved in month.reservations
    assert len(CountStore(aws.items).read(EVERYBODY, Kind.REQUESTS).held) == (2 if whose == "count" else 1)


def fields(wanted: Any) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}


def test_who_is_refused_for_want_of_money_reads_what_holds_it_and_keeps_no_place(
    aws: Aws, answering: Answering
) -> None:
    month = month_of(timestamp(answering.clock()))
    aws.put(**keys.ledger_total_key(month), spent_usd=19.5)
    others = [{**keys.reservation_key(month, f"ses_{at}"), "owner": "session", "usd": exact("0.25")} for at in range(2)]
    for one in others:
        aws.put(**one, since="2026-11-29T10:00:00.000Z", until="2026-11-29T12:30:00.000Z")
    aws.put(**keys.purse_total_key(month), committed_usd=20)
    found = answering._enter(request(answering), ME)
    assert isinstance(found.chosen, SpendCapReached) and "2 GPU sessions US$ 0.50" in found.chosen.message
    answering.limits.leave(found.admitted, 0)
    count = CountStore(aws.items).read("user-1", Kind.REQUESTS, "key-1")
    assert not count.held and len(count.times) == 1, "its request is counted, its place is free"


def test_a_door_is_one_requests(answering: Answering) -> None:
    first, second = (answering.door(request(answering), ME) for _ in range(2))
    assert isinstance(first, Door) and first.counts is not second.counts, "nothing is remembered for the next one"
