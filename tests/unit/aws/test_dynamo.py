"""Types survive the way to DynamoDB and back; large partitions come back whole."""

from collections import deque
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from foreverus.aws.dynamo import (
    COLLISION_TRIES,
    ConditionFailed,
    Table,
    from_attribute_values,
    put_write,
    to_attribute_values,
)
from tests.unit.conftest import Aws

numbers = st.integers(-(10**30), 10**30) | st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda x: abs(x) > 1e-9)
values = st.recursive(
    st.none() | st.booleans() | st.text() | numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=5))
def test_items_come_back_as_they_went(item: dict[str, Any]) -> None:
    assert from_attribute_values(to_attribute_values(item)) == item


def test_a_partition_of_several_pages_comes_back_whole(aws: Aws) -> None:
    for number in range(30):
        aws.put(pk="P", sk=f"{number:03}", filler="x" * 90_000)  # a page of a query is 1 MB
    assert [item["sk"] for item in aws.items.query("P")] == [f"{number:03}" for number in range(30)]
    assert [item["sk"] for item in aws.items.query("P", page=7)] == [f"{number:03}" for number in range(30)]
    assert [item["sk"] for item in aws.items.query("P", newest_first=True, limit=2)] == ["029", "028"]
    assert [item["sk"] for item in aws.items.query("P", newest_first=True, limit=2, before="028")] == ["027", "026"]


class Busy:
    """A table whose next writes fail with these cancellation reasons."""

    def __init__(self, *reasons: str):
        self.reasons = deque(reasons)
        self.calls = 0

    def transact_write_items(self, **request: Any) -> None:
        self.calls += 1
        if self.reasons:
            response = {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": [{"Code": self.reasons.popleft()}, {"Code": "None"}],
            }
            raise ClientError(response, "TransactWriteItems")  # type: ignore[arg-type]


def test_a_write_that_collides_with_another_is_written_again() -> None:
    busy, slept = Busy("TransactionConflict", "TransactionConflict"), []
    Table(busy, "t", sleep=slept.append).transact(put_write({"pk": "a"}))
    assert busy.calls == 3
    assert len(slept) == 2


def test_a_condition_that_failed_is_not_tried_again() -> None:
    busy = Busy("ConditionalCheckFailed")
    with pytest.raises(ConditionFailed) as failed:
        Table(busy, "t", sleep=lambda seconds: None).transact(put_write({"pk": "a"}))
    assert failed.value.writes == {0}
    assert busy.calls == 1


def test_a_write_that_always_collides_is_an_error_in_the_end() -> None:
    busy = Busy(*["TransactionConflict"] * 20)
    with pytest.raises(ClientError):
        Table(busy, "t", sleep=lambda seconds: None).transact(put_write({"pk": "a"}))
    assert busy.calls == COLLISION_TRIES
