"""The settings of who starts, shows and ends sessions and tasks. Opening one is the state machine's own."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import OneStartSettings, PushSettings, SessionCloserSettings


@dataclass(frozen=True)
class PublishChangesSettings(PushSettings):
    topic_arn: str
    monthly_cap_usd: float
    max_session_seconds: int  # with the next one: how long a GPU may live, and so what it can still cost
    boot_timeout_seconds: int


@dataclass(frozen=True)
class CloseSessionSettings(SessionCloserSettings):
    """`image_parameter`: where the published image's id stands; empty when the stack keeps no images."""

    image_parameter: str


@dataclass(frozen=True)
class StartBakeSettings(OneStartSettings):
    pass


@dataclass(frozen=True)
class StartScheduledSessionSettings(StartBakeSettings):
    topic_arn: str


@dataclass(frozen=True)
class ReapGpusSettings(SessionCloserSettings):
    """`ability_cluster`: its ARN, by its name: in a stack without containers of its own there is none of it."""

    stack_name: str
    topic_arn: str
    max_session_seconds: int
    ability_run_arn: str
    ability_cluster: str
    task_max_seconds: int


@dataclass(frozen=True)
class EndSessionsSettings(Settings):
    """`ability_cluster`: as above."""

    stack_name: str
    gpu_session_arn: str
    batch_run_arn: str
    bake_image_arn: str
    ability_run_arn: str
    ability_cluster: str
    spending_roles: str  # with commas: those that AWS Budgets attaches the next one to
    no_launches_arn: str
