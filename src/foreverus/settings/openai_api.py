"""The settings of OpenAI's chat API's web application."""

from dataclasses import dataclass

from foreverus.settings.base import Settings


@dataclass(frozen=True)
class ChatCompletionsSettings(Settings):
    """`aws_lwa_port`: where the Lambda Web Adapter looks for the web server. `person_…` and `key_…`: what one person,
    and one API key, may send; `key_tokens_per_day` 0: as many as its person. `all_…`: all people together."""

    aws_lwa_port: int
    table_name: str
    model_id: str
    context_tokens: int
    bedrock_model_id: str  # empty when the stack was deployed without Bedrock
    sagemaker_endpoint: str  # empty: it has none; the next four are of it
    sagemaker_component: str  # its inference component; empty: it has none
    sagemaker_usd_per_hour: float  # of its instance
    sagemaker_start_seconds: int
    sagemaker_idle_seconds: int
    images: str  # off, managed (the next one sees them), container: the text in them is read; or gpu
    images_model_id: str  # on Bedrock, which sees images; empty: none there does
    gpu_model_sees: str  # as ApiSettings has it
    voice: str  # off, managed (Polly reads aloud, Transcribe listens), or container
    ability_run_arn: str  # with the next two: of our own container
    ability_queue_url: str  # empty: there is no container
    task_max_seconds: int
    data_bucket: str  # recordings, while they are listened to, pictures, while they are read, and images
    chat_gpu: str  # auto or off, as AnswerConversationSettings has it
    chat_backend: str  # auto, gpu or bedrock: where neither a request nor its person names one
    engine_slots: int  # with the next two: for the choice between the backends
    idle_seconds: int
    instance_types: str
    max_gpus: int  # that people who wait may have, all together
    monthly_cap_usd: float
    session_cap_usd: float  # with the next one: for a GPU that a request starts
    gpu_session_arn: str
    chat_queue_url: str  # what the GPU answers
    websocket_url: str  # of our own WebSocket API, on which its answers come
    person_requests_per_minute: int
    person_requests_at_once: int
    person_tokens_per_day: int
    person_gpu_starts_per_hour: int
    key_requests_per_minute: int
    key_requests_at_once: int
    key_tokens_per_day: int
    all_requests_at_once: int
