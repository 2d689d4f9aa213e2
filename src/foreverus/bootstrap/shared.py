"""What more than one Lambda is put together from."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from foreverus import settings
from foreverus.bootstrap import aws, pools

if TYPE_CHECKING:
    from foreverus.backends.bedrock import BedrockBackend
    from foreverus.batches.cost import BatchCosts
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.service import BatchService
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.conversations.bedrock.ends import MessageEnds
    from foreverus.conversations.bedrock.takeover import TakeOver
    from foreverus.conversations.waiting import WaitingMessages
    from foreverus.costs.purse import PurseStore
    from foreverus.files.service import FileService
    from foreverus.idempotency.store import Once
    from foreverus.sessions.backends_now import BackendsLook
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.gpu_state import GpuLook
    from foreverus.sessions.start import SessionStarter
    from foreverus.sessions.work import SessionWork

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


def backends_look(env: LookSettings, bedrock: bool = True, sees: str = "") -> "BackendsLook":
    """`bedrock`: False where nobody can be called who asks it. `sees`: the model that images are sent to."""
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
    )
    look, month = gpu_look(env.table_name, env.engine_slots), purse(env.table_name, env.monthly_cap_usd)
    return BackendsLook(look, month, figures, aws.clock)


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


def starter_of_more(env: settings.SessionStartSettings) -> "SessionStarter":
    """Starts as many GPUs as a batch is worth."""
    return replace(starter(env), max_gpus=env.max_gpus)


def waiting_messages(table_name: str) -> "WaitingMessages":
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.store import ConversationStore
    from foreverus.conversations.waiting import WaitingMessages
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(table_name)
    return WaitingMessages(
        store=ConversationStore(table),
        pending=PendingWorkStore(table),
        answers=DynamoAnswers(table),
        push=aws.push(),
        clock=aws.clock,
        others=SessionStore(table).others,
        metrics=aws.metrics(),
    )


def session_work(table_name: str) -> "SessionWork":
    """What is in work while a session is live, for those who may end it."""
    from foreverus.batches.records import BatchRef, finished_lines
    from foreverus.batches.store import BatchStore
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore
    from foreverus.sessions.work import LinesOfBatch, SessionWork

    table = aws.items(table_name)
    batches = BatchStore(table)

    def lines_of(user_id: str, batch_id: str) -> LinesOfBatch | None:
        batch = batches.get(BatchRef(user_id, batch_id))
        if batch is None or batch.is_over or batch.total is None:
            return None
        return LinesOfBatch(batch.total, batch.total - finished_lines(batches.shards(batch_id)))

    return SessionWork(PendingWorkStore(table), lines_of, SessionStore(table).live_session_ids)


def waiting_batches(table_name: str) -> "WaitingBatches":
    from foreverus.batches.store import BatchStore
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(table_name)
    return WaitingBatches(BatchStore(table), PendingWorkStore(table), aws.tasks(), SessionStore(table).live_session_ids)


def session_closer(env: settings.SessionCloserSettings) -> "SessionCloser":
    from foreverus.aws.ec2 import SpotPrices
    from foreverus.costs.database import wake_usd
    from foreverus.costs.price_book import PriceBook
    from foreverus.costs.receipt import elsewhere
    from foreverus.sessions.baking import BakesOver
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.store import SessionStore

    table = aws.items(env.table_name)
    return SessionCloser(
        store=SessionStore(table),
        starter=starter_of_more(env),
        waiting=(waiting_messages(env.table_name), waiting_batches(env.table_name)),
        diary=CapacityDiary(table),
        price_of=PriceBook(SpotPrices(aws.client("ec2")).at, aws.region()).price_of,
        region=aws.region(),
        clock=aws.clock,
        end_bake=BakesOver(aws.tasks()),
        database_usd=0.0 if env.database == "none" else wake_usd(),
        elsewhere=elsewhere(env.bedrock_model_id, aws.region()),
        machine_log_group=env.machine_log_group,
        metrics=aws.metrics(),
        learn=pools.learning(env.table_name).learn,
    )


@cache
def bedrock_backend(model_id: str, calls: int = BEDROCK_CALLS, read_timeout_s: float = 0.0) -> "BedrockBackend":
    """`read_timeout_s`: 0 for that of whole answers. Raises MissingSetting in a stack without Bedrock."""
    from foreverus.backends.bedrock import READ_TIMEOUT_S, BedrockBackend, config

    if not model_id:
        raise settings.MissingSetting(settings.NO_BEDROCK)
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


def batch_costs(table_name: str, engine_slots: int, bedrock_model_id: str) -> "BatchCosts":
    """What batches have cost until now."""
    from foreverus.batches.cost import BatchCosts, Rates
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore

    rates = Rates(aws.region(), engine_slots, bedrock_price(bedrock_model_id, aws.region()))
    return BatchCosts(SessionStore(aws.items(table_name)), rates, aws.clock)


def once(table_name: str) -> "Once":
    """For everything that a request creates."""
    from foreverus.idempotency.store import ClaimStore, Once

    return Once(ClaimStore(aws.items(table_name)), aws.clock)


def file_service(table_name: str, data_bucket: str) -> "FileService":
    from foreverus.files.service import FileService
    from foreverus.files.store import FileStore

    return FileService(FileStore(aws.items(table_name)), aws.objects(data_bucket), once(table_name), aws.clock)


def batch_service(env: settings.BatchServiceSettings) -> "BatchService":
    """What the API's routes call, and the schedule."""
    from foreverus.batches.input.source import BatchInputs
    from foreverus.batches.service import BatchService
    from foreverus.batches.store import BatchStore

    files = file_service(env.table_name, env.data_bucket)
    return BatchService(
        store=BatchStore(aws.items(env.table_name)),
        inputs=BatchInputs(files, files.objects, env.data_bucket),
        machine=aws.machine(env.batch_run_arn),
        tasks=aws.tasks(),
        cost_of=batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id),
        once=once(env.table_name),
        clock=aws.clock,
    )


def finisher(env: settings.BatchEndSettings) -> "Finisher":
    from foreverus.batches.finishing import Finisher
    from foreverus.batches.store import BatchStore
    from foreverus.files.store import FileStore
    from foreverus.notifications.outbox import OutboxStore

    table = aws.items(env.table_name)
    costs = batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id)
    return Finisher(
        store=BatchStore(table),
        objects=aws.objects(env.data_bucket),
        files=FileStore(table),
        costs=costs,
        purse=purse(env.table_name),
        outbox=OutboxStore(table),
        clock=aws.clock,
        retention_s=env.file_retention_days * 86_400,
    )
