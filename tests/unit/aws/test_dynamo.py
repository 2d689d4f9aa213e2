"""Types survive the way to DynamoDB and back; large partitions come back whole."""

from collections import deque
from decimal import Inexact, Rounded
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from foreverus.aws.attribute_values import _to_decimal, from_attribute_values, to_attribute_values
from foreverus.aws.dynamo import COLLISION_PAUSE_S, COLLISION_TRIES, MOST_PAUSES, ConditionFailed, Table, put_write
from tests.unit.conftest import Aws

numbers = st.integers(-(10**30), 10**30) | st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda x: abs(x) > 1e-9)
values = st.recursive(
    st.none() | st.booleans() | st.text() | numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=5))
def test_items_come_back_as_they_went(item: dict[str, Any]) -> None:
    assert from_attribute_values(to_attribute_values(item)) == item


@given(values | st.integers() | st.sampled_from([10**38, 10**38 - 1, -(10**38), "", True, False]))
def test_a_value_is_what_boto3_makes_of_it(value: Any) -> None:
    try:
        made = TypeSerializer().serialize(_to_decimal(value))
    except (Inexact, Rounded):  # more digits than DynamoDB holds
        with pytest.raises((Inexact, Rounded)):
            to_attribute_values({"v": value})
    else:
        assert to_attribute_values({"v": value}) == {"v": made}


@pytest.mark.parametrize("digits", ["7", "-7", "007", "1E+2", "1.50", "-0", "0"])
def test_a_number_is_read_however_it_is_written(digits: str) -> None:
    (found,) = from_attribute_values({"v": {"N": digits}}).values()
    assert found == float(digits) and isinstance(found, float) == (digits == "1.50")


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
    busy, slept = Busy(*["TransactionConflict"] * 2 * COLLISION_TRIES), list[float]()
    with pytest.raises(ClientError):
        Table(busy, "t", sleep=slept.append).transact(put_write({"pk": "a"}))
    assert busy.calls == COLLISION_TRIES
    assert max(slept) <= COLLISION_PAUSE_S[1] * MOST_PAUSES and sum(slept) < 15, "a request waits for it: 29 s at most"


def test_items_are_got_by_their_keys_and_those_that_are_not_there_are_left_out(aws: Aws) -> None:
    for number in range(3):
        aws.put(pk="P", sk=f"{number}", n=number)
    wanted = [{"pk": "P", "sk": f"{number}"} for number in (2, 0, 7)]
    assert sorted(item["n"] for item in aws.items.get_all(wanted)) == [0, 2]
    assert list(aws.items.get_all([])) == []


class Unread:
    """A table that leaves so many keys unread at each call."""

    def __init__(self, left: int):
        self.left = left
        self.calls = 0

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        keys = RequestItems["t"]["Keys"]
        assert RequestItems["t"]["ConsistentRead"] is True
        read, left = keys[: len(keys) - self.left], keys[len(keys) - self.left :]
        unread = {"UnprocessedKeys": {"t": {"Keys": left, "ConsistentRead": True}}} if left else {}
        return {"Responses": {"t": read}, **unread}


def test_keys_that_were_left_unread_are_asked_for_again() -> None:
    client, slept = Unread(2), list[float]()
    wanted = [{"pk": "P", "sk": f"{number}"} for number in range(5)]
    table = Table(client, "t", slept.append)

    def progress(seconds: float) -> None:
        slept.append(seconds)
        client.left -= 1

    table.sleep = progress
    assert sorted(item["sk"] for item in table.get_all(wanted)) == ["0", "1", "2", "3", "4"]
    assert (client.calls, slept) == (3, [0.05, 0.1])


def test_keys_that_stay_unread_are_an_error_in_the_end() -> None:
    table = Table(Unread(1), "t", lambda seconds: None)
    with pytest.raises(ClientError) as caught:
        list(table.get_all([{"pk": "P", "sk": "1"}]))
    assert caught.value.operation_name == "BatchGetItem"
