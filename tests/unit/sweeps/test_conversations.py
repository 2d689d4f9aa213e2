"""Retention: what nobody writes in for so many days goes from every store, and nothing else does."""

from datetime import datetime, timedelta

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.conversations.idle import IdleConversations
from foreverus.conversations.records import Conversation, Question
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.views import public_conversation
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.sweeps.conversations import UnusedConversations
from tests.unit.conftest import NOW, Aws

DAYS = 30


def begin(aws: Aws, name: str, at: datetime = NOW) -> Conversation:
    made = Conversation(
        conversation_id=name,
        user_id="ana",
        title="t",
        system="",
        created_at=ids.timestamp(at),
        updated_at=ids.timestamp(at),
    )
    return ConversationStore(aws.items).create(made)


def write(aws: Aws, name: str, at: datetime) -> None:
    question = Question(
        message_id=f"msg_{name}_{at:%d%H}",
        conversation_id=name,
        user_id="ana",
        content="x",
        created_at=ids.timestamp(at),
    )
    assert ConversationStore(aws.items).accept(question)


def sweep(aws: Aws, now: datetime, days: int = DAYS) -> list[str]:
    duty = UnusedConversations(ConversationStore(aws.items), IdleConversations(aws.items), days, lambda: now)
    return [repair.subject for repair in duty() if repair.run()]


def filed(aws: Aws) -> list[str]:
    return [item["sk"].partition("#")[2] for item in aws.items.query(keys.IDLE_CONVERSATIONS)]


def test_what_nobody_writes_in_goes_after_its_days_and_by_the_same_queue(aws: Aws) -> None:
    begin(aws, "conv_old")
    begin(aws, "conv_new", NOW + timedelta(days=2))
    assert sweep(aws, NOW + timedelta(days=DAYS, seconds=-1)) == []
    assert sweep(aws, NOW + timedelta(days=DAYS)) == ["conv_old"]
    assert [one.name for one in OwedDeletions(aws.items).of(OwedKind.CONVERSATION)] == ["conv_old"]
    assert [one.conversation_id for one in ConversationStore(aws.items).newest("ana", 9)] == ["conv_new"]
    assert filed(aws) == ["conv_new"]


def test_a_message_begins_the_days_anew_and_costs_no_further_write(aws: Aws) -> None:
    begin(aws, "conv_used")
    write(aws, "conv_used", NOW + timedelta(days=20))
    assert filed(aws) == ["conv_used"]
    for day in (30, 31, 49):
        assert sweep(aws, NOW + timedelta(days=day)) == []
    assert sweep(aws, NOW + timedelta(days=50)) == ["conv_used"]
    assert (filed(aws), list(aws.items.query(keys.messages_partition("conv_used")))) == ([], [])


def test_kept_is_the_default_and_may_be_changed_later(aws: Aws) -> None:
    begin(aws, "conv_old")
    assert sweep(aws, NOW + timedelta(days=4000), days=0) == []
    assert sweep(aws, NOW + timedelta(days=4000), days=1) == ["conv_old"]


def test_whoever_writes_in_the_same_moment_keeps_it(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(aws, "conv_used")
    late = NOW + timedelta(days=DAYS)
    looked = IdleConversations.file_anew

    def then_somebody_writes(self: IdleConversations, one: object) -> bool:
        found = looked(self, one)  # type: ignore[arg-type]
        write(aws, "conv_used", late)
        return found

    monkeypatch.setattr(IdleConversations, "file_anew", then_somebody_writes)
    assert sweep(aws, late) == []
    assert ConversationStore(aws.items).get("ana", "conv_used").updated_at == ids.timestamp(late)


@pytest.mark.parametrize("days_after", [0, 31])
def test_what_its_owner_deletes_leaves_nothing_among_the_idle(aws: Aws, days_after: int) -> None:
    begin(aws, "conv_gone")
    write(aws, "conv_gone", NOW + timedelta(days=10))
    if days_after:
        sweep(aws, NOW + timedelta(days=days_after))  # it is filed anew
    ConversationStore(aws.items).delete("ana", "conv_gone", NOW + timedelta(days=40))
    assert filed(aws) == []


def test_a_person_is_told_when_it_goes(aws: Aws) -> None:
    conversation = begin(aws, "conv_1")
    assert public_conversation(conversation)["expires_at"] is None
    assert public_conversation(conversation, DAYS)["expires_at"] == ids.timestamp(NOW + timedelta(days=DAYS))
