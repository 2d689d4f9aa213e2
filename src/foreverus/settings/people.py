"""The settings of who lets people in, and of what they manage of their own."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import LentDatabaseSettings, PushSettings


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
class WebSocketSettings(PushSettings):
    keys_table_name: str
    user_pool_id: str
    person_open_sockets: int


@dataclass(frozen=True)
class ManageKeysSettings(PushSettings):
    keys_table_name: str
    websocket_url: str  # where clients open one


@dataclass(frozen=True)
class ManageAccountSettings(PushSettings):
    """`database`: as SessionCloserSettings has it; with the next one, how long backups and logs are kept."""

    keys_table_name: str
    user_pool_id: str
    data_bucket: str
    erase_people_function: str
    export_data_function: str
    database: str
    log_retention_days: int
    chat_backend: str  # as ApiSettings has it
    voice: str  # off: nobody reads aloud or listens
    images: str  # with the next two as ApiSettings has them
    images_model_id: str
    gpu_model_sees: str


@dataclass(frozen=True)
class ExportDataSettings(Settings):
    table_name: str
    keys_table_name: str
    user_pool_id: str
    data_bucket: str


@dataclass(frozen=True)
class ErasePeopleSettings(LentDatabaseSettings, ExportDataSettings):
    pass
