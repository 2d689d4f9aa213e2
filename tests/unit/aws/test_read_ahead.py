"""What is read with one call is what as many calls would have read, and who tries again sees what others did."""

from typing import Any

import pytest

from foreverus.aws.dynamo import ConditionFailed, Table, put_write
from foreverus.aws.read_ahead import BatchTable, ReadAhead
from tests.unit.conftest import Aws

KEYS = [{"pk": "A", "sk": "1"}, {"pk": "A", "sk": "2"}, {"pk": "B", "sk": "1"}]


def calls(table: Table) -> list[str]:
    """Of its client from now on, by name."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    table.client.meta.events.register("before-call.dynamodb", note)
    return made


@pytest.mark.parametrize("kind", [Table, BatchTable, ReadAhead])
def test_items_come_in_their_order_and_none_for_what_is_not_there(aws: Aws, kind: type[Table]) -> None:
    aws.put(**KEYS[2], value=3)
    aws.put(**KEYS[0], value=1)
    table = aws.items if kind is Table else kind(aws.items)  # type: ignore[call-arg, arg-type]
    made = calls(table)
    assert [one and one["value"] for one in table.get_each(*KEYS)] == [1, None, 3]
    assert made == (["GetItem"] * 3 if kind is Table else ["BatchGetItem"])


def test_what_is_read_ahead_is_read_once(aws: Aws) -> None:
    aws.put(**KEYS[0], value=1)
    ahead = ReadAhead(aws.items, *KEYS[:2])
    made = calls(ahead)
    assert [ahead.get(key) for key in KEYS[:2]] == [{**KEYS[0], "value": 1}, None]
    assert ahead.get_each(*KEYS)[2] is None and made == ["BatchGetItem", "BatchGetItem"], "the third one alone"
    assert ahead.get(KEYS[2]) is None and made[2:] == ["GetItem"]


@pytest.mark.parametrize("fails", [True, False])
def test_after_a_write_it_is_read_anew(aws: Aws, fails: bool) -> None:
    aws.put(**KEYS[0], value=1)
    ahead = ReadAhead(aws.items, *KEYS[:2])
    assert ahead.get(KEYS[0]) == {**KEYS[0], "value": 1}
    aws.put(**KEYS[0], value=2)  # somebody else
    assert ahead.get(KEYS[0]) == {**KEYS[0], "value": 1}, "until something is written it is as it was read"
    write = put_write({**KEYS[1], "value": 7}, "attribute_exists(pk)" if fails else "")
    if fails:
        with pytest.raises(ConditionFailed):
            ahead.transact(write)
    else:
        ahead.transact(write)
    assert ahead.get_each(*KEYS[:2]) == [{**KEYS[0], "value": 2}, None if fails else {**KEYS[1], "value": 7}]
