"""What several functions need alike."""

from dataclasses import dataclass

from foreverus.settings.base import Settings


@dataclass(frozen=True)
class PushSettings(Settings):
    table_name: str
    websocket_callback_url: str


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
class BatchServiceSettings(Settings):
    """`bedrock_model_id`, here and elsewhere: empty when the stack was deployed without Bedrock."""

    table_name: str
    data_bucket: str
    batch_run_arn: str
    engine_slots: int  # with the next two: for what a running batch has cost
    bedrock_model_id: str
    images_model_id: str  # on Bedrock, which sees images; empty: none there does


@dataclass(frozen=True)
class BatchEndSettings(Settings):
    table_name: str
    data_bucket: str
    topic_arn: str
    engine_slots: int
    bedrock_model_id: str
    images_model_id: str
    file_retention_days: int  # 0: kept


@dataclass(frozen=True)
class LentDatabaseSettings(Settings):
    """A lent login (`aws/lent_secrets.py`): its password's folder, its secret's prefix; empty without PostgreSQL."""

    table_name: str
    database_cluster_arn: str
    database_name: str
    database_passwords: str
    lent_secrets: str
