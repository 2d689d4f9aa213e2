"""What each Lambda needs from its environment: one frozen object per Lambda, in the file of what it works on. A field
`table_name` is the variable `TABLE_NAME`. A test holds these classes against template.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

NO_BEDROCK = "BEDROCK_MODEL_ID is empty: this stack was deployed without Bedrock"


class MissingSetting(Exception):
    """An environment variable is missing or has the wrong form; the message names it."""


@dataclass(frozen=True)
class Settings:
    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Reads every field from `env`. Raises MissingSetting with the variable's name."""
        values: dict[str, str | int | float] = {}
        for field in fields(cls):
            name = field.name.upper()
            if name not in env:
                raise MissingSetting(f"{cls.__name__} needs the environment variable {name}")
            try:
                values[field.name] = field.type(env[name]) if field.type in (int, float) else env[name]
            except ValueError as err:
                kind = "whole number" if field.type is int else "number"
                raise MissingSetting(f"{name} must be a {kind}, not {env[name]!r}") from err
        return cls(**values)
