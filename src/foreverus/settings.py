"""What each Lambda needs from its environment: one frozen object per Lambda. A field `table_name` is the variable
`TABLE_NAME`. A test holds these classes against template.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

NO_BEDROCK = "BEDROCK_MODEL_ID is empty: this stack was deployed without Bedrock"


class MissingSetting(Exception):
    """An environment variable is missing or has the wrong form; the message names it."""


@dataclass(frozen=True)
class Settings:
    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Reads every field from `env`. Raises MissingSetting with the variable's name."""
        values: dict[str, str | int | float] = {}
        for field in fields(cls):
            name = field.name.upper()
            if name not in env:
                raise MissingSetting(f"{cls.__name__} needs the environment variable {name}")
            try:
                values[field.name] = field.type(env[name]) if field.type in (int, float) else env[name]
            except ValueError as err:
                kind = "whole number" if field.type is int else "number"
                raise MissingSetting(f"{name} must be a {kind}, not {env[name]!r}") from err
        return cls(**values)


@dataclass(frozen=True)
class BatchServiceSettings(Settings):
    """`bedrock_model_id`, here and below: empty when the stack was deployed without Bedrock."""

    table_name: str
    data_bucket: str
    batch_run_arn: str
    engine_slots: int  # with the next one: for what a running batch has cost
    bedrock_model_id: str


@dataclass(frozen=True)
class ApiSettings(BatchServiceSettings):
    """`person_…`: what one person may do and have at a time."""

    chat_queue_url: str
    websocket_callback_url: str
    gpu_session_arn: str
    model_id: str
    context_tokens: int
    idle_seconds: int
    monthly_cap_usd: float
    session_cap_usd: float
    conversation_retention_days: int  # 0: kept
    file_retention_days: int  # likewise
    person_messages_per_minute: int
    person_open_batches: int
    person_stored_megabytes: int
    person_tokens_per_day: int
    person_gpu_starts_per_hour: int
    instance_types: str  # with commas; with the next two: for what something would cost
    max_gpus: int
    database: str  # as SessionCloserSettings has it
    chat_backend: str  # auto, gpu or bedrock: where nobody says otherwise
    images: str  # off, managed (the next one sees them), or container: the text in them is read
    images_model_id: str  # on Bedrock, which sees images; empty: nobody does
    ability_run_arn: str  # with the next two: of our own container
    ability_queue_url: str  # empty: there is no container
    task_max_seconds: int
    sagemaker_endpoint: str  # empty: it has none; with the next one for the list of models
    sagemaker_usd_per_hour: float
    answer_conversation_function: str  # empty in a stack without Bedrock: chats are the GPU's
    search_messages_function: str  # empty in a stack without PostgreSQL
    index_document_function: str  # with the next one; empty: documents are off
    find_passages_function: str


@dataclass(frozen=True)
class AuthorizeSettings(Settings):
    """`token_issuer`: as tokens spell it; `signing_keys_url`: where its JWKS is, elsewhere on the laptop's cloud."""

    keys_table_name: str
    user_pool_id: str
    user_pool_client_id: str
    token_issuer: str
    signing_keys_url: str
    keys_in_addresses: str  # true or false: whether a WebSocket's address may carry an API key


@dataclass(frozen=True)
class PushSettings(Settings):
    table_name: str
    websocket_callback_url: str


@dataclass(frozen=True)
class WebSocketSettings(PushSettings):
    keys_table_name: str
    user_pool_id: str
    person_open_sockets: int


@dataclass(frozen=True)
class ManageKeysSettings(PushSettings):
    keys_table_name: str
    websocket_url: str  # where clients open one


@dataclass(frozen=True)
class PublishChangesSettings(PushSettings):
    topic_arn: str
    monthly_cap_usd: float
    max_session_seconds: int  # with the next one: how long a GPU may live, and so what it can still cost
    boot_timeout_seconds: int


@dataclass(frozen=True)
class OneStartSettings(Settings):
    table_name: str
    gpu_session_arn: str
    monthly_cap_usd: float
    session_cap_usd: float


@dataclass(frozen=True)
class SessionStartSettings(OneStartSettings):
    """For starting as many sessions as a batch is worth."""

    max_gpus: int


@dataclass(frozen=True)
class SessionCloserSettings(SessionStartSettings):
    """`database`: `aurora`, or `none` when the stack was deployed without PostgreSQL."""

    websocket_callback_url: str
    database: str
    bedrock_model_id: str  # whose price receipts compare with; empty: none
    machine_log_group: str  # where machines leave their last lines (worker/last_log.py)


@dataclass(frozen=True)
class CloseSessionSettings(SessionCloserSettings):
    """`image_parameter`: where the published image's id stands; empty when the stack keeps no images."""

    image_parameter: str


@dataclass(frozen=True)
class AnswerChatsSettings(Settings):
    table_name: str
    answer_conversation_function: str


@dataclass(frozen=True)
class AnswerConversationSettings(PushSettings, OneStartSettings):
    bedrock_model_id: str
    images_model_id: str  # as ApiSettings has it
    data_bucket: str  # with the images
    find_sources_function: str  # who finds passages of documents for a question; empty: documents are off
    chat_queue_url: str
    conversation_retention_days: int  # 0: kept
    chat_gpu: str  # auto or off: whether a GPU is started when chats are worth one
    instance_types: str  # with commas: whose price that is reckoned with


@dataclass(frozen=True)
class LentDatabaseSettings(Settings):
    """A lent login (`aws/lent_secrets.py`): its password's folder, its secret's prefix; empty without PostgreSQL."""

    table_name: str
    database_cluster_arn: str
    database_name: str
    database_passwords: str
    lent_secrets: str


@dataclass(frozen=True)
class MakePasswordsSettings(Settings):
    database_passwords: str


@dataclass(frozen=True)
class MigrateDatabaseSettings(LentDatabaseSettings):
    """`database_secret_arn`: of the role that keeps results."""

    database_secret_arn: str


@dataclass(frozen=True)
class StoreResultsSettings(Settings):
    """The database's are empty when the stack was deployed without PostgreSQL."""

    table_name: str
    data_bucket: str
    database_cluster_arn: str
    database_secret_arn: str
    database_name: str


@dataclass(frozen=True)
class ExportDataSettings(Settings):
    table_name: str
    keys_table_name: str
    user_pool_id: str
    data_bucket: str


@dataclass(frozen=True)
class ErasePeopleSettings(LentDatabaseSettings, ExportDataSettings):
    pass


@dataclass(frozen=True)
class AnswerBatchSettings(Settings):
    table_name: str
    data_bucket: str
    bedrock_model_id: str


@dataclass(frozen=True)
class BatchEndSettings(Settings):
    table_name: str
    data_bucket: str
    topic_arn: str
    engine_slots: int
    bedrock_model_id: str
    file_retention_days: int  # 0: kept


@dataclass(frozen=True)
class RunBatchSettings(BatchEndSettings, SessionStartSettings):
    """For all steps of a batch but the one on Bedrock."""

    batch_queue_url: str
    context_tokens: int
    idle_seconds: int
    instance_types: str  # with commas
    model_id: str


@dataclass(frozen=True)
class SweepSettings(BatchEndSettings, SessionStartSettings):
    batch_run_arn: str
    chat_queue_url: str
    websocket_callback_url: str
    answer_conversation_function: str
    conversation_retention_days: int  # 0: kept
    dead_letter_queues: str  # their addresses, with commas


@dataclass(frozen=True)
class StartScheduledBatchSettings(BatchServiceSettings):
    topic_arn: str


@dataclass(frozen=True)
class StartBakeSettings(OneStartSettings):
    pass


@dataclass(frozen=True)
class StartScheduledSessionSettings(StartBakeSettings):
    topic_arn: str


@dataclass(frozen=True)
class PublishSiteSettings(Settings):
    site_bucket: str


@dataclass(frozen=True)
class PublishWorkerSettings(Settings):
    data_bucket: str
