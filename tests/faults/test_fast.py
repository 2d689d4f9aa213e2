"""A case of each kind, in one cloud: the part of `make faults` that `make test` runs, in under 90 s."""

from collections.abc import Iterator

import pytest

from tests.faults.run import clean, play
from tests.faults.sandbox import Sandbox, sandbox
from tests.faults.table import FAST

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def one() -> Iterator[Sandbox]:
    with sandbox() as running:
        yield running


@pytest.mark.parametrize("name", FAST)
def test_nothing_leaks_and_nothing_is_lost_or_doubled(one: Sandbox, name: str) -> None:
    result = play(one, name)
    assert clean(one)
    violated = {kind: result[kind] for kind in ("leaked", "lost", "duplicated", "wrong") if result[kind]}
    assert not violated, f"{violated}; {result['notes']}; alone: python -m tests.faults --only '{name}'"
    assert result["struck"], f"the fault met nothing: {result['notes']}"
