"""What more than one Lambda is put together from."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from foreverus.bootstrap import aws
from foreverus.settings.base import NO_BEDROCK, MissingSetting

if TYPE_CHECKING:
    from foreverus.backends.bedrock import BedrockBackend
    from foreverus.backends.sights import SeeingModel
    from foreverus.batches.plan.estimates import Deployment
    from foreverus.conversations.bedrock.ends import MessageEnds
    from foreverus.conversations.bedrock.takeover import TakeOver
    from foreverus.costs.purse import PurseStore
    from foreverus.files.service import FileService
    from foreverus.idempotency.store import Once
    from foreverus.sessions.backends_now import BackendsLook
    from foreverus.sessions.gpu_state import GpuLook
    from foreverus.sessions.start import SessionStarter
    from foreverus.settings.parts import SessionStartSettings

BEDROCK_CALLS = 32  # in flight at once, of one function; a new account's quota for Mistral 7B is hundreds a minute


class StartSettings(Protocol):
    """Of whoever starts sessions."""

    @property
    def table_name(self) -> str: ...
    @property
    def gpu_session_arn(self) -> str: ...
    @property
    def monthly_cap_usd(self) -> float: ...
    @property
    def session_cap_usd(self) -> float: ...


def purse(table_name: str, monthly_cap_usd: float = 0.0) -> "PurseStore":
    """`monthly_cap_usd`: for who reserves."""
    from foreverus.costs.purse import PurseStore

    return PurseStore(aws.items(table_name), monthly_cap_usd)


def starter(env: StartSettings, idle_seconds: int | None = None) -> "SessionStarter":
    """Starts the one GPU that is everybody's. `idle_seconds`: None for the state machine's own."""
    from foreverus.sessions.start import SessionStarter
    from foreverus.sessions.store import SessionStore

    return SessionStarter(
        store=SessionStore(aws.items(env.table_name)),
        purse=purse(env.table_name, env.monthly_cap_usd),
        machine=aws.machine(env.gpu_session_arn),
        idle_seconds=idle_seconds,
        session_cap_usd=env.session_cap_usd,
        clock=aws.clock,
    )


class LookSettings(Protocol):
    """Of whoever chooses a backend for a chat or an OpenAI request."""

    @property
    def table_name(self) -> str: ...
    @property
    def monthly_cap_usd(self) -> float: ...
    @property
    def engine_slots(self) -> int: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def idle_seconds(self) -> int: ...
    @property
    def instance_types(self) -> str: ...
    @property
    def bedrock_model_id(self) -> str: ...


def backends_look(
    env: LookSettings, bedrock: bool = True, sees: str = "", gpu_sees: "SeeingModel | None" = None
) -> "BackendsLook":
    """`bedrock`: False where nobody can be called who asks it. `sees`: the model on Bedrock that images are sent to;
    `gpu_sees`: the GPU's, where it is shown them."""
    from foreverus.choice.idle_time import expected_s
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.backends_now import BackendsLook, Figures

    region = aws.region()
    figures = Figures(
        region=region,
        instance_type=env.instance_types.split(",")[0],
        context_tokens=env.context_tokens,
        idle_seconds=expected_s(env.idle_seconds),
        bedrock=bedrock and bool(env.bedrock_model_id),
        bedrock_price=bedrock_price(env.bedrock_model_id, region),
        sees=sees,
        sees_price=bedrock_price(sees, region),
        gpu_sees=gpu_sees,
    )
    look, month = gpu_look(env.table_name, env.engine_slots), purse(env.table_name, env.monthly_cap_usd)
    return BackendsLook(look, month, figures, aws.clock)


class DeploymentSettings(Protocol):
    """Of whoever reckons what something would cost."""

    @property
    def instance_types(self) -> str: ...
    @property
    def bedrock_model_id(self) -> str: ...


def deployment(env: DeploymentSettings, idle_seconds: int, max_gpus: int) -> "Deployment":
    """What estimates know of this stack."""
    from foreverus.batches.plan.estimates import Deployment
    from foreverus.costs.prices import bedrock_price

    region = aws.region()
    return Deployment(
        region=region,
        instance_types=tuple(env.instance_types.split(",")),
        idle_seconds=idle_seconds,
        max_gpus=max_gpus,
        bedrock_model_id=env.bedrock_model_id,
        bedrock_calls=BEDROCK_CALLS,
        bedrock_price=bedrock_price(env.bedrock_model_id, region),
    )


def gpu_look(table_name: str, engine_slots: int) -> "GpuLook":
    """Messages of chats and requests of programs share the GPU's slots."""
    from foreverus.relay.store import RequestStore
    from foreverus.sessions.gpu_state import GpuLook
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(table_name)
    pending, requests = PendingWorkStore(table), RequestStore(table, aws.clock)
    waiting = (lambda: len(pending.messages()), requests.waiting)
    return GpuLook(SessionStore(table), waiting, engine_slots, aws.clock, aws.region())


def starter_of_more(env: "SessionStartSettings") -> "SessionStarter":
    """Starts as many GPUs as a batch is worth."""
    return replace(starter(env), max_gpus=env.max_gpus)


@cache
def bedrock_backend(model_id: str, calls: int = BEDROCK_CALLS, read_timeout_s: float = 0.0) -> "BedrockBackend":
    """`read_timeout_s`: 0 for that of whole answers. Raises MissingSetting in a stack without Bedrock."""
    from foreverus.backends.bedrock import READ_TIMEOUT_S, BedrockBackend, config

    if not model_id:
        raise MissingSetting(NO_BEDROCK)
    own = config(calls, read_timeout_s or READ_TIMEOUT_S)
    return BedrockBackend(aws.client("bedrock-runtime", own=own), model_id, calls)


class TakeOverSettings(StartSettings, Protocol):
    @property
    def chat_queue_url(self) -> str: ...


def takeover(env: TakeOverSettings) -> "TakeOver":
    """For messages that Bedrock does not answer."""
    from foreverus.aws.sqs import ChatQueue
    from foreverus.conversations.bedrock.takeover import TakeOver

    return TakeOver(
        ends=message_ends(env.table_name, env.monthly_cap_usd),
        sessions=starter(env),
        queue=ChatQueue(aws.client("sqs"), env.chat_queue_url),
        clock=aws.clock,
    )


def message_ends(table_name: str, monthly_cap_usd: float = 0.0) -> "MessageEnds":
    from foreverus.conversations.bedrock.ends import MessageEnds

    return MessageEnds(aws.items(table_name), purse(table_name, monthly_cap_usd), aws.clock)


def once(table_name: str) -> "Once":
    """For everything that a request creates."""
    from foreverus.idempotency.store import ClaimStore, Once

    return Once(ClaimStore(aws.items(table_name)), aws.clock)


def file_service(table_name: str, data_bucket: str) -> "FileService":
    from foreverus.files.service import FileService
    from foreverus.files.store import FileStore

    return FileService(FileStore(aws.items(table_name)), aws.objects(data_bucket), once(table_name), aws.clock)
