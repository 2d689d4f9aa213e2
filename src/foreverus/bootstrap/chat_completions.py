"""OpenAI's chat API: the web application with what it calls."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.web_settings import ChatCompletionsSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from foreverus.access.records import Caller
    from foreverus.backends.port import Backend
    from foreverus.bootstrap.relay import GpuBackends
    from foreverus.limits.requests import RequestLimits
    from foreverus.openai_api.choosing import RequestChooser
    from foreverus.openai_api.paid import PaidCalls
    from foreverus.openai_api.records import CompletionRequest
    from foreverus.openai_api.requests import Served


def port() -> int:
    """Where the Lambda Web Adapter looks for the web server."""
    return ChatCompletionsSettings.from_env(os.environ).aws_lwa_port


@cache
def build() -> "Starlette":
    from foreverus.backends.port import BackendName
    from foreverus.openai_api.answering import Answering
    from foreverus.openai_api.application import application
    from foreverus.openai_api.requests import Served

    env = ChatCompletionsSettings.from_env(os.environ)
    served = Served(env.model_id)
    answering = Answering(
        served=served,
        limits=_limits(env),
        choose=_chooser(env, served),
        backends={
            BackendName.BEDROCK: lambda request, caller: _paid_calls(env).of(request, caller),
            BackendName.GPU: _gpu,
        },
        clock=aws.clock,
    )
    return application(answering)


def _chooser(env: ChatCompletionsSettings, served: "Served") -> "RequestChooser":
    from foreverus.access.preferences import PreferenceStore
    from foreverus.backends.port import BackendName
    from foreverus.choice.refusals import RefusalStore
    from foreverus.openai_api.choosing import RequestChooser

    table = aws.items(env.table_name)
    look, refusals = shared.backends_look(env), RefusalStore(table, aws.clock)
    return RequestChooser(
        served=served,
        context_tokens=env.context_tokens,
        has_bedrock=bool(env.bedrock_model_id),
        now=lambda: look(refusals.left_s()),
        preferences=PreferenceStore(table).get,
        stack=BackendName(env.chat_backend),
    )


def _gpu(request: "CompletionRequest", caller: "Caller") -> "Backend":
    """A request that is the GPU's starts one where none is on: nobody else may answer it."""
    backends = _gpu_backends(ChatCompletionsSettings.from_env(os.environ))
    return backends(caller.user_id, request.credential, starts=True)


@cache
def _gpu_backends(env: ChatCompletionsSettings) -> "GpuBackends":
    from foreverus.bootstrap.relay import gpu_backends

    return gpu_backends(env)


@cache
def _paid_calls(env: ChatCompletionsSettings) -> "PaidCalls":
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S
    from foreverus.choice.refusals import RefusalStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.openai_api.accounts import AccountStore
    from foreverus.openai_api.paid import PaidCalls

    return PaidCalls(
        backend=shared.bedrock_backend(env.bedrock_model_id, shared.BEDROCK_CALLS, SILENCE_TIMEOUT_S),
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        accounts=AccountStore(shared.purse(env.table_name, env.monthly_cap_usd)),
        refusals=RefusalStore(aws.items(env.table_name), aws.clock),
        clock=aws.clock,
    )


def _limits(env: ChatCompletionsSettings) -> "RequestLimits":
    from foreverus.limits.request_rules import RequestCaps
    from foreverus.limits.requests import RequestLimits
    from foreverus.limits.store import CountStore

    person = RequestCaps(
        whose="one person",
        per_minute=env.person_requests_per_minute,
        at_once=env.person_requests_at_once,
        tokens_per_day=env.person_tokens_per_day,
    )
    key = RequestCaps(
        whose="one API key",
        per_minute=env.key_requests_per_minute,
        at_once=env.key_requests_at_once,
        tokens_per_day=env.key_tokens_per_day,
    )
    return RequestLimits(CountStore(aws.items(env.table_name)), person, key, aws.clock)
