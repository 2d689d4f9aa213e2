"""Fixtures that start something real. Each is started at most once per run, and only if a test asks for it."""

from collections.abc import Iterator

import pytest

from local.emulator import Emulator
from tests import cloud


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator with our mends and a PostgreSQL, nothing deployed."""
    with cloud.emulator(mended=True) as running:
        yield running


@pytest.fixture(scope="session")
def unmended() -> Iterator[Emulator]:
    """The emulator as it is: tests watch here whether a mend is still needed."""
    with cloud.emulator(mended=False) as running:
        yield running
