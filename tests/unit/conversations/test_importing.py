"""Conversations of elsewhere: taken once, marked, counted nowhere, and continued like any other."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.api import schemas
from foreverus.aws import keys
from foreverus.conversations.importing import EXCHANGE_BYTES, MOST_TEXT_BYTES, ConversationImports, imported_bytes
from foreverus.conversations.prompt import read_thread
from foreverus.conversations.service import ConversationService
from foreverus.conversations.store import ConversationStore
from foreverus.errors import Conflict, InvalidRequest, LimitReached
from foreverus.limits.person import PersonLimits
from foreverus.limits.records import PersonCaps
from foreverus.limits.store import CountStore
from tests.unit.conftest import Aws

USER = "user-1"
AT = "2024-05-01T10:00:00.000Z"


@pytest.fixture
def chats(aws: Aws) -> ConversationService:
    return bootstrap.api.build().conversations


@pytest.fixture
def imports(aws: Aws) -> ConversationImports:
    return bootstrap.api.build().imports


def given(*texts: str, **more: Any) -> dict[str, Any]:
    """Each text as a question and `Re: ` as its answer."""
    exchanges = [{"question": one, "answer": f"Re: {one}", "asked_at": AT} for one in texts]
    made = {"source": "chatgpt", "source_id": "abc", "title": "Sea", "created_at": AT, "exchanges": exchanges, **more}
    return dict(schemas.check("conversation_import", made))


def said(chats: ConversationService, conversation: str) -> list[str]:
    return [str(one["content"]) for one in chats.messages(USER, conversation, {})["data"]]


def test_it_is_read_in_its_order_and_its_answers_say_where_they_come_from(
    chats: ConversationService, imports: ConversationImports
) -> None:
    done = imports.take(USER, given("one", "two", "three", system="Be brief.", updated_at="2024-05-02T10:00:00Z"))
    assert (done["taken"], done["known"]) == (3, 0)
    shown = chats.get(USER, done["id"])
    assert (shown["title"], shown["system"], shown["created_at"]) == ("Sea", "Be brief.", AT)
    assert shown["updated_at"] == "2024-05-02T10:00:00.000Z"
    assert said(chats, done["id"]) == ["one", "Re: one", "two", "Re: two", "three", "Re: three"]
    answer = chats.messages(USER, done["id"], {})["data"][1]
    assert (answer["imported_from"], answer["status"]) == ("chatgpt", "answered")
    assert "usage" not in answer and "session_id" not in answer


def test_the_same_file_twice_doubles_nothing_and_one_that_was_cut_off_goes_on(
    aws: Aws, chats: ConversationService, imports: ConversationImports
) -> None:
    first = imports.take(USER, given("one", "two"))
    again = imports.take(USER, given("one", "two", "three"))
    assert again == {**first, "taken": 1, "known": 2}
    rest = imports.take(USER, given("three", "four", first=2))
    assert (rest["id"], rest["taken"], rest["known"]) == (first["id"], 1, 1)
    assert said(chats, first["id"])[::2] == ["one", "two", "three", "four"]
    assert len(chats.list_conversations(USER, {})["data"]) == 1


def test_another_person_or_source_or_id_is_another_conversation(imports: ConversationImports) -> None:
    made = {
        imports.take(user, given("one", **more))["id"]
        for user, more in (
            (USER, {}),
            ("user-2", {}),
            (USER, {"source": "foreverus"}),
            (USER, {"source_id": "abd"}),
        )
    }
    assert len(made) == 4


def test_nothing_of_it_is_counted_or_waits_and_postgresql_gets_it_later(aws: Aws, imports: ConversationImports) -> None:
    done = imports.take(USER, given("one", "two"))
    assert list(aws.items.query(keys.PENDING)) == list(aws.items.query(keys.PENDING_ON_BEDROCK)) == []
    month = bootstrap.aws.clock().strftime("%Y-%m")
    assert list(aws.items.query(keys.usage_partition(month))) == []
    waiting = list(ConversationStore(aws.items).answered_by(keys.NO_SESSION))
    assert [one.conversation_id for one in waiting] == [done["id"]] * 2
    assert aws.queued() == []


def test_it_can_be_continued_and_the_model_reads_it(
    aws: Aws, chats: ConversationService, imports: ConversationImports
) -> None:
    done = imports.take(USER, given("one", "two"))
    posted = chats.post(USER, done["id"], {"content": "And now?"})
    assert said(chats, done["id"])[-2:] == ["And now?", ""]
    found = ConversationStore(aws.items).messages(done["id"], newest_first=True)
    thread = read_thread(found, posted["message"]["id"], 10_000)
    assert "Re: two" in str(thread)


def test_a_deleted_one_does_not_come_back_half(
    aws: Aws, chats: ConversationService, imports: ConversationImports
) -> None:
    done = imports.take(USER, given("one"))
    chats.delete(USER, done["id"])
    with pytest.raises(Conflict) as refused:
        imports.take(USER, given("one"))
    assert refused.value.body()["error"]["code"] == "conversation_deleted"
    assert list(aws.items.query(keys.messages_partition(done["id"]))) == []
    assert list(ConversationStore(aws.items).answered_by(keys.NO_SESSION)) == []


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"exchanges": []}, "exchanges"),
        ({"exchanges": [{"question": " ", "answer": ""}]}, "exchanges[0].question"),
        ({"exchanges": [{"question": "a"}]}, "exchanges[0].answer"),
        ({"exchanges": [{"question": "a", "answer": "b", "usage": {}}]}, "exchanges[0].usage"),
        ({"source": "elsewhere"}, "source"),
        ({"source_id": ""}, "source_id"),
        ({"title": "x" * 201}, "title"),
        ({"first": -1}, "first"),
        ({"created_at": "yesterday it was"}, "created_at"),
        ({"created_at": "2999-01-01T00:00:00Z"}, "created_at"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
        ({"updated_at": "1969-12-31T00:00:00Z"}, "updated_at"),
        ({"exchanges": [{"question": "é" * (MOST_TEXT_BYTES // 2 + 1), "answer": ""}]}, "exchanges[0].question"),
        ({"exchanges": [{"question": "a", "answer": "é" * (MOST_TEXT_BYTES // 2 + 1)}]}, "exchanges[0].answer"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    aws: Aws, imports: ConversationImports, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        imports.take(USER, given("one", **wrong))
    assert refused.value.param == param
    assert list(aws.items.query(keys.person_partition(USER))) == []


def with_room_for(imports: ConversationImports, aws: Aws, exchanges: int) -> ConversationImports:
    """So many of those that `given` makes of a letter each: a question of one byte, an answer of five."""
    caps = PersonCaps(imported_bytes=exchanges * (EXCHANGE_BYTES + 6))
    limits = PersonLimits(CountStore(aws.items), caps, bootstrap.aws.clock)
    truth = lambda user_id: imported_bytes(aws.items, user_id)  # noqa: E731
    return replace(imports, room=lambda user_id, more: limits.take_imported(user_id, more, lambda: truth(user_id)))


def test_more_than_one_person_may_import_is_refused_before_anything_is_written(
    aws: Aws, chats: ConversationService, imports: ConversationImports
) -> None:
    few = with_room_for(imports, aws, 3)
    first = few.take(USER, given("a", "b"))
    with pytest.raises(LimitReached, match="may take 3,018 together") as refused:
        few.take(USER, given("a", "b", source_id="other"))
    assert refused.value.reason == "imports_full"
    assert refused.value.headers == {"x-should-retry": "false"}
    assert [one["id"] for one in chats.list_conversations(USER, {})["data"]] == [first["id"]]
    assert said(chats, first["id"]) == ["a", "Re: a", "b", "Re: b"]
    assert few.take(USER, given("a", source_id="small"))["taken"] == 1
    assert few.take("user-2", given("a", "b", "c"))["taken"] == 3


def test_what_is_there_already_needs_no_room(aws: Aws, imports: ConversationImports) -> None:
    few = with_room_for(imports, aws, 3)
    few.take(USER, given("a", "b"))
    for _ in range(3):  # each is counted once more, until it is counted anew
        assert few.take(USER, given("a", "b"))["known"] == 2
    assert few.take(USER, given("a", "b", "c")) | {"id": ""} == {
        "object": "conversation.imported",
        "id": "",
        "taken": 1,
        "known": 2,
    }
    assert imported_bytes(aws.items, USER) == 3 * (EXCHANGE_BYTES + 6)
    with pytest.raises(LimitReached):
        few.take(USER, given("d", first=3))


def test_a_deleted_conversation_makes_room_again(
    aws: Aws, chats: ConversationService, imports: ConversationImports
) -> None:
    few = with_room_for(imports, aws, 2)
    chats.delete(USER, few.take(USER, given("a", "b"))["id"])
    assert few.take(USER, given("a", "b", source_id="other"))["taken"] == 2


def test_the_api_s_own_bound_is_the_one_that_its_documents_name(aws: Aws, imports: ConversationImports) -> None:
    limits = bootstrap.api.build().batches.limits
    assert limits is not None
    assert limits.caps.imported_bytes == 200_000_000
    with pytest.raises(LimitReached, match="may take 200,000,000 together"):
        imports.room(USER, 200_000_001)
