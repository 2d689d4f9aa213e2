"""Of what people have of their own: API keys, tickets, exports, erasures."""

from typing import TypedDict


class TicketObject(TypedDict, total=False):
    ticket: str
    url: str


class KeyObject(TypedDict, total=False):
    id: str
    name: str
    last_four: str
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    can_create_keys: bool
    key: str  # the key itself, in the answer that makes it and nowhere else


class KeyRevocation(TypedDict, total=False):
    id: str
    deleted: bool
    effective_within_seconds: int


class KeyRequest(TypedDict, total=False):
    name: str
    expires_at: str
    can_create_keys: bool


class ExportObject(TypedDict, total=False):
    id: str
    status: str
    created_at: str
    bytes: int
    url: str


class KeptPlace(TypedDict):
    where: str
    what: str
    days: int


class ErasureObject(TypedDict, total=False):
    id: str
    erases: list[str]
    kept: list[KeptPlace]
