"""The settings of the REST API."""

from dataclasses import dataclass

from foreverus.settings.parts import BatchServiceSettings


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
    images: str  # off, managed (images_model_id sees them), container: the text in them is read; or gpu
    gpu_model_sees: str  # which family the GPU's model is of, where it is shown images; empty: it is not
    ability_run_arn: str  # with the next two: of our own container
    ability_queue_url: str  # empty: there is no container
    task_max_seconds: int
    sagemaker_endpoint: str  # empty: it has none; with the next one for the list of models
    sagemaker_usd_per_hour: float
    answer_conversation_function: str  # empty in a stack without Bedrock: chats are the GPU's
    search_messages_function: str  # empty in a stack without PostgreSQL
    index_document_function: str  # with the next one; empty: documents are off
    find_passages_function: str
