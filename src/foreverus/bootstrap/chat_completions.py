"""OpenAI's chat API and what reads aloud: the web application with what it calls."""

import os
from functools import cache, partial
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, containers, images, sagemaker, shared, voice
from foreverus.settings.openai_api import ChatCompletionsSettings

# In flight at once: on Lambda one at a time, on a laptop one process has all. A thread is made when it is needed.
CALLS = 256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from starlette.applications import Starlette

    from foreverus.access.records import Caller
    from foreverus.backends.images import PromptImage
    from foreverus.backends.port import Backend
    from foreverus.bootstrap.relay import GpuBackends
    from foreverus.limits.requests import RequestLimits
    from foreverus.openai_api.answering import Door
    from foreverus.openai_api.paid import PaidCalls
    from foreverus.openai_api.reading import ReadingDesk
    from foreverus.openai_api.records import ChosenBackend, CompletionRequest
    from foreverus.openai_api.requests import Served


def port() -> int:
    """Where the Lambda Web Adapter looks for the web server."""
    return ChatCompletionsSettings.from_env(os.environ).aws_lwa_port


@cache
def build() -> "Starlette":
    from foreverus.backends.port import BackendName
    from foreverus.backends.sights import seeing_model
    from foreverus.openai_api.answering import Answering
    from foreverus.openai_api.application import VoiceDesks, application
    from foreverus.openai_api.requests import Served

    env = ChatCompletionsSettings.from_env(os.environ)
    reads = env.images == containers.CONTAINER
    gpu_sees = seeing_model(env.model_id, env.gpu_model_sees)
    served = Served(env.model_id, bool(env.sagemaker_endpoint), env.images_model_id, reads, gpu_sees)
    limits = _limits(env)
    answering = Answering(
        served=served,
        limits=limits,
        door=_door(env, served),
        backends={
            BackendName.BEDROCK: lambda request, caller, chosen: _paid_for(env, request).of(
                request, caller, chosen.reserved
            ),
            BackendName.GPU: partial(_gpu, env),
            BackendName.SAGEMAKER: lambda request, caller, chosen: sagemaker.endpoint_calls(env).of(
                request, caller, chosen.reserved
            ),
        },
        clock=aws.clock,
        images=_images(env) if served.takes_images else None,
        metrics=aws.metrics(),
    )
    desks = VoiceDesks(lambda: voice.speech_desk(env, limits), lambda: voice.transcription_desk(env, limits))
    reading = (lambda: _reading_desk(env, served, limits)) if reads else None
    return aws.lasting(application(answering, desks, reading))


def _reading_desk(env: ChatCompletionsSettings, served: "Served", limits: "RequestLimits") -> "ReadingDesk":
    from foreverus.abilities.read_image.stored import StoredTexts
    from foreverus.openai_api.choosing import shown_to_gpu
    from foreverus.openai_api.reading import ReadingDesk

    objects, gpus = aws.objects(env.data_bucket), shared.gpu_look(env.table_name, env.engine_slots)
    return ReadingDesk(
        reader=lambda: StoredTexts(containers.reader(env), objects),
        desk=voice.desk(env, limits),
        seen=lambda request: shown_to_gpu(request, served, env.context_tokens, gpus),
    )


def _door(env: ChatCompletionsSettings, served: "Served") -> "Callable[[CompletionRequest, Caller], Door]":
    """What a request needs before it is let in is read with one call, and written with one transaction."""
    from foreverus.access.preferences import PreferenceStore
    from foreverus.aws import keys
    from foreverus.aws.read_ahead import ReadAhead
    from foreverus.backends.port import BackendName
    from foreverus.choice.refusals import RefusalStore
    from foreverus.costs.meter import month_of
    from foreverus.costs.reservations import API_CALL
    from foreverus.ids import timestamp
    from foreverus.limits.store import CountStore, request_keys
    from foreverus.openai_api.accounts import AccountStore
    from foreverus.openai_api.answering import Door
    from foreverus.openai_api.choosing import RequestChooser

    table = aws.items(env.table_name)
    look = shared.backends_look(env, sees=env.images_model_id, gpu_sees=served.gpu_sees)

    def door(request: "CompletionRequest", caller: "Caller") -> Door:
        now = aws.clock()
        month = month_of(timestamp(now))
        more = keys.preferences_key(caller.user_id), keys.bedrock_throttled_key()
        reserved = keys.reservation_key(month, f"{API_CALL}{request.request_id}")
        money = keys.purse_total_key(month), keys.ledger_total_key(month), reserved
        paid = [sagemaker.endpoint_store(env, table).key] if env.sagemaker_endpoint else []
        ahead = ReadAhead(table, *request_keys(caller.user_id, caller.key_id, now), *more, *money, *paid)
        up = sagemaker.endpoint_store(env, ahead).get
        refusals, here = RefusalStore(ahead, aws.clock), look.over(ahead)
        choose = RequestChooser(
            served=served,
            context_tokens=env.context_tokens,
            has_bedrock=bool(env.bedrock_model_id),
            gpus=look.gpus,
            now=lambda gpus: here.of(gpus, refusals.left_s()),
            preferences=PreferenceStore(ahead).get,
            stack=BackendName(env.chat_backend),
            sagemaker=(lambda: sagemaker.endpoint_now(env, up(), now)) if paid else None,
        )
        reservations = {
            BackendName.BEDROCK: lambda asked: _paid_for(env, asked).reservation(asked),
            BackendName.SAGEMAKER: lambda asked: sagemaker.endpoint_calls(env).reservation(asked, up()),
        }
        return Door(CountStore(ahead), choose, AccountStore(here.purse), reservations)

    return door


def _gpu(
    env: ChatCompletionsSettings, request: "CompletionRequest", caller: "Caller", chosen: "ChosenBackend"
) -> "Backend":
    """A request that is the GPU's starts one where none is on, if nobody else may answer it; a person starts no more of
    them in an hour than by the button."""
    starts = chosen.spare is None
    gpu = _gpu_backends(env)(caller.user_id, request.credential, starts=starts, state=chosen.gpus)
    if not request.prompt.images:
        return gpu
    from foreverus.relay.lent_images import LentImages

    return LentImages(gpu, aws.objects(env.data_bucket), request.request_id)


@cache
def _gpu_backends(env: ChatCompletionsSettings) -> "GpuBackends":
    from foreverus.bootstrap.crowd import crowd_gpus
    from foreverus.bootstrap.relay import gpu_backends

    return gpu_backends(env, crowd_gpus(env, shared.backends_look(env), shared.starter(env)).asked)


def _paid_for(env: ChatCompletionsSettings, request: "CompletionRequest") -> "PaidCalls":
    return _seen_calls(env) if request.prompt.images else _paid_calls(env)


def _images(env: ChatCompletionsSettings) -> "Callable[[str, Sequence[str], datetime], Mapping[str, PromptImage]]":
    from foreverus.files.images import PersonsImages

    return PersonsImages(aws.items(env.table_name))


@cache
def _seen_calls(env: ChatCompletionsSettings) -> "PaidCalls":
    from foreverus.abilities.read_image.stored import StoredImages
    from foreverus.choice.refusals import NotNoted
    from foreverus.costs.prices import bedrock_price
    from foreverus.openai_api.accounts import AccountStore
    from foreverus.openai_api.paid import PaidCalls

    return PaidCalls(
        backend=StoredImages(images.sight(env.images_model_id, CALLS), aws.objects(env.data_bucket)),
        price=bedrock_price(env.images_model_id, aws.region()),
        accounts=AccountStore(shared.purse(env.table_name, env.monthly_cap_usd)),
        refusals=NotNoted(),
        clock=aws.clock,
    )


@cache
def _paid_calls(env: ChatCompletionsSettings) -> "PaidCalls":
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S
    from foreverus.bootstrap.chat_gpu import chat_gpu
    from foreverus.choice.refusals import RefusalStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.openai_api.accounts import AccountStore
    from foreverus.openai_api.paid import PaidCalls

    return PaidCalls(
        backend=shared.bedrock_backend(env.bedrock_model_id, CALLS, SILENCE_TIMEOUT_S),
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        accounts=AccountStore(shared.purse(env.table_name, env.monthly_cap_usd)),
        refusals=RefusalStore(aws.items(env.table_name), aws.clock),
        clock=aws.clock,
        chat_gpu=chat_gpu(env),
    )


def _limits(env: ChatCompletionsSettings) -> "RequestLimits":
    from foreverus.aws.read_ahead import BatchTable
    from foreverus.limits.request_rules import RequestCaps
    from foreverus.limits.requests import NO_BOUND, RequestLimits
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
    all_at_once = env.all_requests_at_once
    everybody = RequestCaps(whose="this deployment", at_once=all_at_once) if all_at_once < NO_BOUND else None
    counts = CountStore(BatchTable(aws.items(env.table_name)))
    return RequestLimits(counts, person, key, everybody, aws.clock)
