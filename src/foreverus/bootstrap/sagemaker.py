"""The SageMaker endpoint that a deployment names, where it names one."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.openai_api import ChatCompletionsSettings

if TYPE_CHECKING:
    from foreverus.aws.dynamo import Table
    from foreverus.choice.sagemaker import SageMakerNow
    from foreverus.costs.endpoint import EndpointRate, UpTime
    from foreverus.costs.endpoint_store import EndpointStore
    from foreverus.openai_api.endpoint import EndpointCalls

CALLS = 256  # in flight at once, as those of Bedrock


def endpoint_store(env: ChatCompletionsSettings, table: "Table") -> "EndpointStore":
    from foreverus.costs.endpoint_store import EndpointStore

    return EndpointStore(table, env.sagemaker_endpoint)


def endpoint_now(env: ChatCompletionsSettings, up: "UpTime | None", now: datetime) -> "SageMakerNow":
    """What the choice is made from. `up`: as the endpoint's calls have left it."""
    from foreverus.choice.sagemaker import SageMakerNow
    from foreverus.openai_api.settling import CALL_S

    return SageMakerNow(rate=_rate(env), up=up, now=now, context_tokens=env.context_tokens, call_seconds=CALL_S)


@cache
def endpoint_calls(env: ChatCompletionsSettings) -> "EndpointCalls":
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, config
    from foreverus.backends.sagemaker import SageMakerBackend
    from foreverus.openai_api.endpoint import EndpointCalls
    from foreverus.openai_api.endpoint_accounts import EndpointAccountStore

    client = aws.client("sagemaker-runtime", own=config(CALLS, SILENCE_TIMEOUT_S))
    table, rate = aws.items(env.table_name), _rate(env)
    purse = shared.purse(env.table_name, env.monthly_cap_usd)
    return EndpointCalls(
        backend=SageMakerBackend(client, env.sagemaker_endpoint, env.sagemaker_component, CALLS),
        rate=rate,
        accounts=EndpointAccountStore(purse, endpoint_store(env, table), rate),
        clock=aws.clock,
    )


def _rate(env: ChatCompletionsSettings) -> "EndpointRate":
    from foreverus.costs.endpoint import EndpointRate

    return EndpointRate(
        usd_per_hour=env.sagemaker_usd_per_hour,
        start_seconds=env.sagemaker_start_seconds,
        idle_seconds=env.sagemaker_idle_seconds,
    )
