"""Owed deletions: written with what deletes, tried again, removed when everything is gone."""

from datetime import datetime

from foreverus.deletions.owed import OwedDeletion, OwedDeletions, OwedKind, owed_write
from tests.unit.conftest import Aws


def deletion(name: str, tries: int = 0) -> OwedDeletion:
    at = "2026-01-01T00:00:00.000Z"
    return OwedDeletion(kind=OwedKind.CONVERSATION, name=name, user_id="ana", deleted_at=at, tries=tries)


def test_what_is_owed_is_there_until_it_is_done(aws: Aws) -> None:
    owed = OwedDeletions(aws.items)
    first, second = deletion("conv_1"), deletion("conv_2")
    aws.items.transact(owed_write(second), owed_write(first))
    assert owed.of(OwedKind.CONVERSATION) == [first, second]
    owed.count_try(first)
    assert owed.of(OwedKind.CONVERSATION) == [deletion("conv_1", tries=1), second]
    for one in (first, first, second):
        owed.done(one)
    assert owed.of(OwedKind.CONVERSATION) == []


def test_a_deletion_is_tried_at_once_and_then_less_and_less_often() -> None:
    at = datetime.fromisoformat
    assert deletion("conv_1").is_due(at("2026-01-01T00:00:00Z"))
    assert [deletion("conv_1", tries).is_due(at("2026-01-01T01:00:00Z")) for tries in (1, 2, 3, 4)] == [
        *(True, True, True, False)
    ]
    assert deletion("conv_1", 1000).is_due(at("2029-01-01T00:00:00Z"))
