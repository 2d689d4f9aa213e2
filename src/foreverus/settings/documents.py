"""The settings of who reads documents and finds passages in them."""

from dataclasses import dataclass

from foreverus.settings.base import Settings
from foreverus.settings.parts import LentDatabaseSettings


@dataclass(frozen=True)
class ReadDocumentSettings(Settings):
    """None: it is told all that it needs."""


@dataclass(frozen=True)
class IndexDocumentSettings(LentDatabaseSettings):
    """`read_document_function`: who reads, with no rights."""

    data_bucket: str
    monthly_cap_usd: float
    read_document_function: str


@dataclass(frozen=True)
class FindPassagesSettings(LentDatabaseSettings):
    """Of a stack with documents: no other one has the function."""


@dataclass(frozen=True)
class FindSourcesSettings(FindPassagesSettings):
    """Likewise."""
