"""A question that is deleted with its answer is in no list, no prompt and no store; what is around it stays."""

from collections.abc import Callable
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.conversations import deleting
from foreverus.deletions.owed import OwedDeletions, OwedKind, exchange_name
from foreverus.errors import Conflict, NotFound
from tests.unit.conftest import Aws
from tests.unit.conversations.test_versions import USER, Talk


class Deleting(Talk):
    def __init__(self, aws: Aws):
        super().__init__(aws)
        self.deletions = bootstrap.api.build().deletions

    def delete(self, message_id: str, user_id: str = USER) -> Any:
        return self.deletions.delete(user_id, self.id, message_id)

    def kept(self, word: str) -> list[str]:
        """Where it still stands in the table."""
        items = bootstrap.aws.client("dynamodb").scan(TableName=self.aws.items.name)["Items"]
        return [f"{one['pk']['S']} {one['sk']['S']}" for one in items if word in str(one)]

    def title(self) -> str:
        return str(self.chats.get(USER, self.id)["title"])

    def owed(self) -> set[str]:
        return {one.name for one in OwedDeletions(self.aws.items).of(OwedKind.EXCHANGE)}


@pytest.mark.parametrize("named", [lambda id_: id_, lambda id_: "ans_" + id_[4:]])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_exchange_goes_and_those_around_it_stay(aws: Aws, which: int, named: Callable[[str], str]) -> None:
    talk, said = Deleting(aws), ["first words", "second words", "third words"]
    asked = [talk.ask(one) for one in said]
    gone = talk.delete(named(asked[which]))
    assert gone == {"id": asked[which], "object": "message.deleted", "deleted": True}
    left = [one for one in said if one != said[which]]
    assert talk.shown() == left and talk.thread() == left
    assert talk.kept(said[which]) == []
    assert talk.owed() == {exchange_name(talk.id, asked[which])}
    assert talk.title() == left[0]  # not the words that are gone
    with pytest.raises(NotFound):
        talk.delete(asked[which])


def test_a_request_that_is_late_does_not_bring_it_back(aws: Aws) -> None:
    talk, late = Deleting(aws), {"content": "first words"}
    talk.ask("before")
    sent = talk.answered(talk.chats.post(USER, talk.id, late, RequestAttempt("k1")))
    talk.delete(sent)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            talk.chats.post(USER, talk.id, late, RequestAttempt("k1"))
        assert (refused.value.reason, refused.value.param) == ("message_deleted", "Idempotency-Key")
    assert talk.shown() == ["before"] and talk.kept("first words") == []
    anew: Any = talk.chats.post(USER, talk.id, late, RequestAttempt("k2"))
    assert anew["message"]["id"] != sent


def test_an_empty_conversation_begins_anew(aws: Aws) -> None:
    talk = Deleting(aws)
    aws.put(**keys.title_key(talk.id), title="About first words")
    talk.delete(talk.ask("first words"))
    assert (talk.shown(), talk.title(), talk.kept("first words")) == ([], "", [])
    talk.ask("other words")
    assert talk.title() == "other words"


def test_earlier_versions_and_what_followed_them_go_too(aws: Aws) -> None:
    talk = Deleting(aws)
    talk.ask("before")
    first = talk.ask("secret one")
    talk.ask("secret two")
    second = talk.again(first)
    third = talk.ask("secret three", replaces=second)
    talk.ask("after")
    assert talk.shown() == ["before", "secret three", "after"]
    talk.delete(third)
    assert talk.shown() == ["before", "after"] and talk.kept("secret") == []
    assert talk.thread() == ["before", "after"]


def test_what_is_in_an_earlier_version_is_deleted_through_the_one_in_its_place(aws: Aws) -> None:
    talk = Deleting(aws)
    first = talk.ask("one")
    talk.again(first)
    with pytest.raises(Conflict) as refused:
        talk.delete(first)
    assert refused.value.reason == "message_replaced"
    assert talk.shown() == ["one"]


def test_nothing_goes_while_something_is_being_answered(aws: Aws) -> None:
    talk = Deleting(aws)
    first = talk.ask("one")
    waiting: Any = talk.chats.post(USER, talk.id, {"content": "two"})
    for message_id in (first, waiting["message"]["id"]):
        with pytest.raises(Conflict) as refused:
            talk.delete(message_id)
        assert refused.value.reason == "conversation_busy"
    talk.answered(waiting)
    talk.delete(first)
    assert talk.shown() == ["two"]


def test_a_transaction_takes_what_goes_at_once() -> None:
    assert 5 * deleting.AT_ONCE + 2 <= 100  # DynamoDB's limit


def test_nobody_deletes_in_somebody_elses_conversation(aws: Aws) -> None:
    talk = Deleting(aws)
    first = talk.ask("one")
    with pytest.raises(NotFound):
        talk.delete(first, user_id="user-2")
    with pytest.raises(NotFound):
        talk.delete("msg_of_nobody")
    assert talk.shown() == ["one"]


def test_many_versions_take_several_transactions_and_can_be_begun_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "AT_ONCE", 3)
    talk = Deleting(aws)
    talk.ask("before")
    newest = talk.ask("secret")
    for _ in range(6):
        newest = talk.again(newest)
    transact, calls = Table.transact, []

    def once(self: Table, *writes: Any) -> None:
        calls.append(len(writes))
        if len(calls) == 2:
            raise ConnectionError
        transact(self, *writes)

    monkeypatch.setattr(Table, "transact", once)
    with pytest.raises(ConnectionError):
        talk.delete(newest)
    assert talk.shown() == ["before", "secret"]  # the question itself goes last
    talk.delete(newest)
    assert len(calls) == 4
    monkeypatch.undo()
    assert talk.shown() == ["before"] and talk.kept("secret") == []


def test_what_is_sent_meanwhile_is_not_lost(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Deleting(aws)
    first = talk.ask("one")
    transact, sent = Table.transact, []

    def after_another(self: Table, *writes: Any) -> None:
        if not sent:
            sent.append(True)
            talk.ask("two")
        transact(self, *writes)

    monkeypatch.setattr(talk.deletions.items.__class__, "transact", after_another)
    talk.delete(first)
    monkeypatch.undo()
    assert talk.shown() == ["two"] and talk.title() == "two"
    conversation = talk.deletions.store.get(USER, talk.id)
    assert conversation.newest_message_id and conversation.first_words == "two"
