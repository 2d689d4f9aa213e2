"""The settings of what runs by the clock for nobody in particular, and with a deployment."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import BatchEndSettings, SessionStartSettings


@dataclass(frozen=True)
class SweepSettings(BatchEndSettings, SessionStartSettings):
    batch_run_arn: str
    chat_queue_url: str
    websocket_callback_url: str
    answer_conversation_function: str
    conversation_retention_days: int  # 0: kept
    dead_letter_queues: str  # their addresses, with commas


@dataclass(frozen=True)
class SendLetterSettings(Settings):
    table_name: str
    topic_arn: str
    monthly_cap_usd: float
    instance_types: str  # with the next one: what the same would have cost elsewhere
    bedrock_model_id: str


@dataclass(frozen=True)
class PublishSiteSettings(Settings):
    site_bucket: str


@dataclass(frozen=True)
class PublishWorkerSettings(Settings):
    data_bucket: str
