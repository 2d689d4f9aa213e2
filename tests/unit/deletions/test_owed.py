"""Owed deletions: written with what deletes, tried again, removed when everything is gone."""

from dataclasses import replace
from datetime import datetime, timedelta

from foreverus.aws import keys
from foreverus.deletions.owed import SETTLES_AFTER, OwedDeletion, OwedDeletions, OwedKind, not_owed_write, owed_write
from foreverus.idempotency.deleted import KEY_KEPT_S
from tests.unit.conftest import NOW, Aws


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
        owed.erased(one, NOW)
    assert owed.of(OwedKind.CONVERSATION) == []


def test_a_deletion_is_tried_at_once_and_then_less_and_less_often() -> None:
    at = datetime.fromisoformat
    assert deletion("conv_1").is_due(at("2026-01-01T00:00:00Z"))
    assert [deletion("conv_1", tries).is_due(at("2026-01-01T01:00:00Z")) for tries in (1, 2, 3, 4)] == [
        *(True, True, True, False)
    ]
    assert deletion("conv_1", 1000).is_due(at("2029-01-01T00:00:00Z"))


def test_a_file_is_erased_once_more_when_nobody_can_write_it_back(aws: Aws) -> None:
    owed, file = OwedDeletions(aws.items), replace(deletion("file_1"), kind=OwedKind.FILE)
    aws.items.transact(owed_write(file))
    at = datetime.fromisoformat(file.deleted_at)
    owed.erased(file, at)
    (gone,) = owed.of(OwedKind.FILE)
    settled = at + SETTLES_AFTER[OwedKind.FILE]
    assert [gone.is_due(settled - timedelta(seconds=1)), gone.is_due(settled)] == [False, True]
    assert replace(gone, tries=3).is_due(settled)
    owed.erased(gone, settled)
    assert owed.of(OwedKind.FILE) == []
    owed.erased(gone, at)  # a slower one says it again: that makes no new entry
    assert owed.of(OwedKind.FILE) == []


def test_a_deleted_file_is_remembered_for_longer_than_its_request_can_be_repeated(aws: Aws) -> None:
    owed, file = OwedDeletions(aws.items), replace(deletion("file_1"), kind=OwedKind.FILE)
    aws.items.transact(owed_write(file))
    at = datetime.fromisoformat(file.deleted_at)
    owed.erased(file, at + timedelta(hours=2))
    assert owed.of(OwedKind.FILE) == []
    assert not aws.items.transact_if(not_owed_write(OwedKind.FILE, "file_1"))
    (item,) = aws.items.query(keys.owed_deletions_partition(OwedKind.FILE))
    assert item["expires_at"] - at.timestamp() > KEY_KEPT_S  # TTL
    late = replace(file, name="file_2")
    aws.items.transact(owed_write(late))
    owed.erased(late, at + timedelta(hours=25))
    assert aws.items.transact_if(not_owed_write(OwedKind.FILE, "file_2"))


def test_what_was_just_deleted_is_not_kept_again(aws: Aws) -> None:
    file = replace(deletion("file_1"), kind=OwedKind.FILE)
    assert aws.items.transact_if(not_owed_write(OwedKind.FILE, "file_1"))
    aws.items.transact(owed_write(file))
    assert not aws.items.transact_if(not_owed_write(OwedKind.FILE, "file_1"))
    assert aws.items.transact_if(not_owed_write(OwedKind.CONVERSATION, "file_1"))
