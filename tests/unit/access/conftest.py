"""Keys in moto's table."""

import pytest

from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from tests.unit.conftest import NOW, Aws


@pytest.fixture
def store(aws: Aws) -> ApiKeyStore:
    return ApiKeyStore(aws.api_keys)


class MemorySockets:
    """Twin of `OpenSockets`: what was closed."""

    def __init__(self) -> None:
        self.closed: list[tuple[str, str]] = []

    def close(self, user_id: str, key_id: str = "") -> int:
        self.closed.append((user_id, key_id))
        return 1


@pytest.fixture
def sockets() -> MemorySockets:
    return MemorySockets()


@pytest.fixture
def service(store: ApiKeyStore, sockets: MemorySockets) -> KeyService:
    return KeyService(store, sockets, lambda: NOW)
