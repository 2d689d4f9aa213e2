"""What stays until a process ends is not looked through again and again by Python's collector, while somebody waits."""

import gc
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

from foreverus.bootstrap import (
    answer_conversation,
    api,
    authorize,
    aws,
    chat_completions,
    find_passages,
    manage_account,
    manage_keys,
    search_messages,
    websocket,
)
from local.ministack.__main__ import look_through_once

WAITED_FOR = (
    answer_conversation,
    api,
    authorize,
    chat_completions,
    find_passages,
    manage_account,
    manage_keys,
    search_messages,
    websocket,
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    callbacks = list(gc.callbacks)
    yield
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def is_looked_through(made: object) -> bool:
    return any(one is made for one in gc.get_objects())


def test_what_a_function_is_made_of_is_looked_through_no_more() -> None:
    services = [object()]
    assert is_looked_through(services)
    assert aws.lasting(services) is services
    assert not is_looked_through(services)
    assert is_looked_through([object()])  # what a call makes still is


@pytest.mark.parametrize("builder", WAITED_FOR)
def test_all_functions_that_somebody_waits_for_are_made_so(builder: ModuleType) -> None:
    assert "aws.lasting(" in inspect.getsource(builder.build)


def test_the_laptops_cloud_looks_through_what_it_keeps_once() -> None:
    look_through_once()
    kept = [object()]
    assert is_looked_through(kept)
    gc.collect(1)
    assert is_looked_through(kept)
    gc.collect()
    assert not is_looked_through(kept)
