"""Requests that a SageMaker endpoint answers: found awake, at rest, busy or gone, each paid for once."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import openai
import pytest
from openai import OpenAI

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.parameters import CHAT
from foreverus.backends.port import BackendName, Delta, Finished, Prompt
from foreverus.bootstrap import chat_completions
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.endpoint import UpTime, answered, woken
from foreverus.costs.endpoint_store import EndpointStore
from foreverus.costs.money import exact
from foreverus.costs.purse import PurseStore
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import MemoryUsage, UsageStore
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    EngineStarting,
    PromptRejected,
)
from foreverus.openai_api.endpoint import EndpointCall
from foreverus.openai_api.endpoint_accounts import (
    EndpointAccounts,
    EndpointAccountStore,
    EndpointUse,
    MemoryEndpointAccounts,
)
from foreverus.openai_api.models import EndpointState, ModelList
from foreverus.openai_api.requests import Served, read_body, read_request
from foreverus.sessions.gpu_state import GpuState
from foreverus.settings.openai_api import ChatCompletionsSettings
from tests.unit.conftest import NOW, Aws
from tests.unit.openai_api.world import MODEL, MONTH, RATE, World

HELLO: Any = [{"role": "user", "content": "Hi"}]
GPU_IS_ON = GpuState(slots=8, waiting=0, is_booting=False, boot_seconds=200.0)
NAMED = f"{MODEL}@sagemaker"


class Ending(MemoryEngine):
    """Each answer takes ten seconds of the world's clock."""

    world: World

    async def stream(self, prompt: Prompt) -> Any:
        async for event in super().stream(prompt):
            if isinstance(event, Finished):
                self.world.clock.forward(10)
            yield event


@pytest.fixture
def endpoint() -> Ending:
    return Ending()


@pytest.fixture
def world(endpoint: Ending) -> World:
    endpoint.world = World(endpoint=endpoint)
    return endpoint.world


@pytest.fixture
def client(world: World) -> Iterator[OpenAI]:
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1/key-1", max_retries=0) as made:
        yield made


def ask(client: OpenAI, model: str = NAMED, **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=HELLO, **more)


def figures(world: World) -> tuple[float, float]:
    """What the month has spent, and what is reserved of it."""
    month = world.purse.month(MONTH)
    return float(month.spent), float(month.reserved)


def test_an_answer_costs_its_time_and_the_idle_time_after_it(client: OpenAI, world: World) -> None:
    whole = ask(client)
    assert whole.model == NAMED and whole.choices[0].message.content == "You said: Hi"
    assert figures(world) == (pytest.approx(RATE.usd(10 + 1200)), 0)
    used = world.used().parts[UsedService.SAGEMAKER, UsageKind.API]
    assert (used.messages, used.prompt_tokens, used.completion_tokens, used.usd) == (1, 1, 3, 0)
    chunks = list(ask(client, stream=True))
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "You said: Hi"
    assert figures(world) == (pytest.approx(RATE.usd(20 + 1200)), 0), "only what it adds"


def test_one_at_rest_is_woken_and_its_client_told_when_to_come_again(
    client: OpenAI, world: World, endpoint: Ending
) -> None:
    endpoint.fail_next(EngineStarting("no capacity"))
    with pytest.raises(openai.InternalServerError) as told:
        ask(client)
    assert told.value.status_code == 503 and told.value.code == "model_loading"
    assert "about 600 seconds" in told.value.message and told.value.response.headers["Retry-After"] == "60"
    assert figures(world) == (pytest.approx(RATE.usd(600 + 1200)), 0), "it starts, whoever comes"
    assert not world.used().parts, "nobody was answered"
    world.clock.forward(30)
    endpoint.fail_next(EngineStarting("no capacity"))
    with pytest.raises(openai.InternalServerError) as told:
        ask(client)
    assert "about 570 seconds" in told.value.message
    assert figures(world) == (pytest.approx(RATE.usd(600 + 1200)), 0), "one starts"
    world.clock.forward(600)
    assert ask(client).model == NAMED
    assert figures(world) == (pytest.approx(RATE.usd(30 + 600 + 10 + 1200)), 0)


@pytest.mark.parametrize("error", [EngineBusy("throttled"), BackendUnavailable("no such endpoint")])
def test_a_call_that_is_refused_costs_nothing(client: OpenAI, world: World, endpoint: Ending, error: Exception) -> None:
    endpoint.fail_next(error)
    with pytest.raises(openai.APIStatusError):
        ask(client)
    assert figures(world) == (0, 0) and not world.used().parts


@pytest.mark.parametrize("error", [EngineFailed("lost"), EngineBusy("throttled")])
def test_an_answer_that_breaks_off_is_paid_for(
    client: OpenAI, world: World, endpoint: Ending, error: Exception
) -> None:
    endpoint.fail_next(error, after_tokens=2)
    with pytest.raises(openai.APIError):
        list(ask(client, stream=True))
    assert figures(world) == (pytest.approx(RATE.usd(1200)), 0)
    used = world.used().parts[UsedService.SAGEMAKER, UsageKind.API]
    assert used.messages == 1 and used.completion_tokens > 0


def test_a_prompt_that_the_container_rejects_has_kept_it_awake(client: OpenAI, world: World, endpoint: Ending) -> None:
    endpoint.fail_next(PromptRejected("no such role"))
    with pytest.raises(openai.BadRequestError):
        ask(client)
    assert figures(world) == (pytest.approx(RATE.usd(1200)), 0) and not world.used().parts


def test_a_stack_without_an_endpoint_says_so_with_the_parameters_name() -> None:
    with (
        World().serving() as address,
        OpenAI(base_url=address, api_key="user-1", max_retries=0) as client,
        pytest.raises(openai.NotFoundError) as refused,
    ):
        ask(client)
    assert refused.value.param == "model" and refused.value.code == "model_not_found"
    assert "no SageMaker endpoint (its SageMakerEndpoint is empty)" in refused.value.message
    assert f"{MODEL}@bedrock" in refused.value.message and f", {NAMED}" not in refused.value.message


def test_the_month_pays_for_it_or_it_is_not_asked(endpoint: Ending) -> None:
    world = endpoint.world = World(endpoint=endpoint, cap_usd=1.0)  # a start, the longest call and the idle time: more
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1", max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as refused:
            ask(client)
        assert refused.value.status_code == 402 and refused.value.code == "spend_cap_reached"
        assert endpoint.prompts == [] and ask(client, MODEL).model == f"{MODEL}@bedrock"


def test_auto_takes_one_that_is_busy_and_bedrock_where_that_has_gone(
    client: OpenAI, world: World, endpoint: Ending
) -> None:
    assert ask(client, MODEL).model == f"{MODEL}@bedrock", "at rest it is dearer"
    now = world.clock()
    accounts = world.endpoints.accounts
    assert isinstance(accounts, MemoryEndpointAccounts)
    accounts.up_time = UpTime(ready_at=now, until=now + timedelta(seconds=RATE.idle_seconds + 500))
    assert ask(client, MODEL).model == NAMED
    spent, _ = figures(world)
    endpoint.fail_next(EngineStarting("no capacity"))
    assert ask(client, MODEL).model == f"{MODEL}@bedrock"
    month = world.purse.month(MONTH)
    assert month.reserved == 0 and float(month.spent) > spent, "what it woke, and what Bedrock took"
    assert world.used().parts[UsedService.BEDROCK, UsageKind.API].messages == 2


def test_who_goes_before_the_end_pays_for_what_was_written(world: World, endpoint: Ending) -> None:
    body = f'{{"model": "{NAMED}", "messages": [{{"role": "user", "content": "Hi"}}]}}'.encode()
    request = read_request(CHAT, read_body(CHAT, body), world.served, world.clock())

    async def leave() -> None:
        call: EndpointCall = world.endpoints.of(request, Caller(user_id="user-1"))
        stream = call.stream(request.prompt)
        assert isinstance(await anext(stream), Delta)
        await stream.aclose()

    asyncio.run(leave())
    assert figures(world) == (pytest.approx(RATE.usd(1200)), 0)
    assert world.used().parts[UsedService.SAGEMAKER, UsageKind.API].messages == 1


# The accounts, in DynamoDB (moto) and in memory: one contract.


@pytest.fixture(params=["dynamodb", "memory"])
def accounts(request: pytest.FixtureRequest) -> EndpointAccounts:
    if request.param == "memory":
        return MemoryEndpointAccounts(MemoryPurse(20.0), MemoryUsage(), RATE)
    items = request.getfixturevalue("aws").items
    return EndpointAccountStore(PurseStore(items, 20.0), EndpointStore(items, "mistral"), RATE)


def reserved(name: str) -> Reservation:
    return Reservation(MONTH, name, Owner.SAGEMAKER, exact(1), "2026-01-01T12:00:00.000Z", "2026-01-01T12:16:00.000Z")


def use(began: float, ended: float, used: Used | None = None) -> EndpointUse:
    begins, ends = (NOW + timedelta(seconds=one) for one in (began, ended))
    return EndpointUse(
        user_id="ana", began=begins, ended=ends, change=lambda up: answered(up, begins, ends, RATE), used=used
    )


def spent(accounts: Any) -> tuple[float, float]:
    month = accounts.purse.month(MONTH)
    return float(month.spent), float(month.reserved)


def test_calls_side_by_side_pay_for_the_instance_together(accounts: EndpointAccounts) -> None:
    for name in ("api/one/sagemaker", "api/two/sagemaker"):
        accounts.reserve(reserved(name))
    assert accounts.up() is None
    first = accounts.settle(reserved("api/one/sagemaker"), use(0, 10))
    assert first and accounts.up() == first and first.until == NOW + timedelta(seconds=1210)
    assert spent(accounts) == (pytest.approx(RATE.usd(1210)), 1)
    accounts.settle(reserved("api/two/sagemaker"), use(2, 12))
    assert spent(accounts) == (pytest.approx(RATE.usd(1212)), 0)


def test_a_call_is_counted_once_also_where_it_added_nothing(accounts: EndpointAccounts) -> None:
    one = Used(service=UsedService.SAGEMAKER, kind=UsageKind.API, messages=1, completion_tokens=5)
    for name, ended in (("api/one/sagemaker", 10), ("api/two/sagemaker", 5)):
        accounts.reserve(reserved(name))
        assert accounts.settle(reserved(name), use(0, ended, one))
        assert accounts.settle(reserved(name), use(0, ended, one)) is None
    assert spent(accounts) == (pytest.approx(RATE.usd(1210)), 0)
    day = ids.timestamp(NOW)[:10]
    usage = accounts.usage if isinstance(accounts, MemoryEndpointAccounts) else None
    store: Any = accounts
    found = (usage or UsageStore(store.purse.items)).day("ana", day)
    assert found.parts[UsedService.SAGEMAKER, UsageKind.API].messages == 2 and found.tokens == 10


def test_what_a_call_that_cost_nothing_had_reserved_is_free(accounts: EndpointAccounts) -> None:
    accounts.reserve(reserved("api/one/sagemaker"))
    accounts.release(MONTH, "api/one/sagemaker")
    assert spent(accounts) == (0, 0) and accounts.up() is None


def test_who_is_overtaken_reckons_anew(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the write another call ends: only what is left to pay is paid."""
    store = EndpointAccountStore(PurseStore(aws.items, 20.0), EndpointStore(aws.items, "mistral"), RATE)
    for name in ("api/one/sagemaker", "api/two/sagemaker"):
        store.reserve(reserved(name))
    get, others = EndpointStore.get, iter(range(1))

    def overtaken(self: EndpointStore) -> UpTime | None:
        found = get(self)
        if next(others, None) is not None:
            store.settle(reserved("api/two/sagemaker"), use(0, 20))
        return found

    monkeypatch.setattr(EndpointStore, "get", overtaken)
    store.settle(reserved("api/one/sagemaker"), use(0, 10))
    assert spent(store) == (pytest.approx(RATE.usd(1220)), 0)


def test_a_request_reads_the_endpoint_with_the_rest_and_reserves_with_its_place(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_ENDPOINT", "mistral")
    env = ChatCompletionsSettings.from_env(os.environ)
    served = Served(env.model_id, True)
    body = f'{{"model": "{env.model_id}@sagemaker", "messages": [{{"role": "user", "content": "Hi"}}]}}'
    request = read_request(CHAT, read_body(CHAT, body.encode()), served, NOW)
    door = chat_completions._door(env, served)(request, Caller(user_id="ana"))
    chosen = door.choose(request, Caller(user_id="ana"))
    assert chosen.backend is BackendName.SAGEMAKER
    wanted = door.reservations[BackendName.SAGEMAKER](request)
    assert wanted.owner is Owner.SAGEMAKER and 1.0 < wanted.usd < 1.3
    assert door.accounts.reserve_with(wanted, [])
    assert PurseStore(aws.items).reservation(wanted.month, wanted.name) == wanted


# The list of models.


@pytest.mark.parametrize(
    ("up", "state"),
    [
        (None, "off"),
        (woken(None, NOW, RATE), "booting"),
        (answered(None, NOW - timedelta(seconds=9), NOW, RATE), "ready"),
        (answered(None, NOW - timedelta(seconds=5000), NOW - timedelta(seconds=4000), RATE), "off"),
    ],
)
def test_the_list_of_models_says_how_the_endpoint_is(up: UpTime | None, state: str) -> None:
    models = ModelList(
        served=Served(MODEL, True),
        context_tokens=8192,
        bedrock=None,
        gpu=lambda: GpuStatus.NONE,
        sagemaker=lambda: EndpointState(up, NOW, 1.8),
    )
    listed: Any = models.list_models()["data"]
    assert [one["id"] for one in listed] == [MODEL, f"{MODEL}@gpu", NAMED]
    (backend,) = listed[-1]["backends"]
    assert (backend["backend"], backend["state"]) == ("sagemaker", state) and "US$ 1.8" in backend["price_source"]
    assert backend["usd_per_million_prompt_tokens"] is None
    assert models.get(NAMED)["context_window"] == 8192


def test_a_gpu_that_is_on_is_left_for_it_only_where_it_costs_less(endpoint: Ending) -> None:
    world = endpoint.world = World(endpoint=endpoint, gpus=GPU_IS_ON)
    with world.serving() as address, OpenAI(base_url=address, api_key="user-1", max_retries=0) as client:
        assert ask(client, MODEL).model == f"{MODEL}@gpu"


def test_nobody_asks_for_more_than_it_is_able_to_do(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, max_tokens=8, seed=7, extra_body={"n": 2})
    assert refused.value.param == "n"
