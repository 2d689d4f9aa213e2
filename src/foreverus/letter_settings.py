"""The settings of who sends the weekly letter: as `settings.py`, for one function more."""

from dataclasses import dataclass

from foreverus.settings import Settings


@dataclass(frozen=True)
class SendLetterSettings(Settings):
    table_name: str
    topic_arn: str
    monthly_cap_usd: float
    instance_types: str  # with the next one: what the same would have cost elsewhere
    bedrock_model_id: str
