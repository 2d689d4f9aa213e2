"""The settings of what ends sessions and tasks: as `settings.py`, for two functions more."""

from dataclasses import dataclass

from foreverus.settings import SessionCloserSettings, Settings


@dataclass(frozen=True)
class ReapGpusSettings(SessionCloserSettings):
    """`ability_cluster`: its ARN; empty when the stack was deployed without containers of its own."""

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
