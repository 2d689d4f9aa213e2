"""The settings of who answers chats on Bedrock, and of who searches them."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import LentDatabaseSettings, OneStartSettings, PushSettings


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
class SearchMessagesSettings(LentDatabaseSettings):
    """Of a stack with PostgreSQL: no other one has the function."""


@dataclass(frozen=True)
class ShowImagesSettings(Settings):
    table_name: str
    data_bucket: str
