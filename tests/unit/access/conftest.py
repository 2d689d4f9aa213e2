"""Keys in moto's table."""

import pytest

from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from tests.unit.conftest import NOW, Aws


@pytest.fixture
def store(aws: Aws) -> ApiKeyStore:
    return ApiKeyStore(aws.api_keys)


@pytest.fixture
def service(store: ApiKeyStore) -> KeyService:
    return KeyService(store, lambda: NOW)
