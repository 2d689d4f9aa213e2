"""The settings of who runs batches."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import BatchEndSettings, BatchServiceSettings, SessionStartSettings


@dataclass(frozen=True)
class AnswerBatchSettings(Settings):
    table_name: str
    data_bucket: str
    bedrock_model_id: str
    images: str  # as ApiSettings has it
    images_model_id: str
    monthly_cap_usd: float  # with the next three: of our own container, as ApiSettings has it
    ability_run_arn: str
    ability_queue_url: str
    task_max_seconds: int


@dataclass(frozen=True)
class RunBatchSettings(BatchEndSettings, SessionStartSettings):
    """For all steps of a batch but the one on Bedrock."""

    images: str  # as ApiSettings has it
    gpu_model_sees: str
    batch_queue_url: str
    context_tokens: int
    idle_seconds: int
    instance_types: str  # with commas
    model_id: str


@dataclass(frozen=True)
class StartScheduledBatchSettings(BatchServiceSettings):
    topic_arn: str
