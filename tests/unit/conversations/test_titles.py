"""Titles that the model gave: beside the messages, shown where the person has given none."""

from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import MessageRef, Title
from foreverus.costs.usage.store import UsageStore
from tests.unit.conftest import Aws, session_item

USER = "user-1"


def talk(aws: Aws, title: str = "") -> MessageRef:
    aws.put(**session_item("ses_1", status="serving"))
    chats = bootstrap.api.build().conversations
    conversation = str(chats.create(USER, title=title)["id"])
    posted: Any = chats.post(USER, conversation, {"content": "Por quê?", "backend": "gpu"})
    return MessageRef(posted["message"]["id"], conversation, USER)


def entitle(aws: Aws, message: MessageRef, text: str) -> None:
    DynamoAnswers(aws.items).entitle(message, Title(text, 20, 5), "ses_1", bootstrap.aws.clock())


def shown(message: MessageRef) -> set[str]:
    chats = bootstrap.api.build().conversations
    listed: Any = chats.list_conversations(USER, {})["data"]
    return {one["title"] for one in listed} | {str(chats.get(USER, message.conversation_id)["title"])}


def counted(aws: Aws) -> tuple[int, int]:
    now = bootstrap.aws.clock()
    session = aws.items.get(keys.session_key("ses_1")) or {}
    return session.get("prompt_tokens", 0), UsageStore(aws.items).day(USER, now.date().isoformat()).tokens


def test_it_is_shown_where_there_is_no_other_and_its_tokens_are_counted(aws: Aws) -> None:
    message = talk(aws)
    assert shown(message) == {"Por quê?"}, "until it has a title"
    entitle(aws, message, "O porquê")
    assert shown(message) == {"O porquê"} and counted(aws) == (20, 25)
    entitle(aws, message, "Outro")
    assert shown(message) == {"O porquê"}, "a title does not change by itself"
    found = bootstrap.api.build().conversations.store.with_title(
        bootstrap.api.build().conversations.store.get(USER, message.conversation_id)
    )
    assert found.title == "O porquê"


@pytest.mark.parametrize("given", ["at first", "meanwhile", "afterwards"])
def test_a_persons_own_title_is_never_taken_away(aws: Aws, given: str) -> None:
    message = talk(aws, title="Meu" if given == "at first" else "")
    chats = bootstrap.api.build().conversations
    if given == "meanwhile":
        chats.change(USER, message.conversation_id, {"title": "Meu"})
    entitle(aws, message, "Do modelo")
    if given == "afterwards":
        chats.change(USER, message.conversation_id, {"title": "Meu"})
    assert shown(message) == {"Meu"}


def test_a_title_that_comes_after_the_deletion_is_counted_and_not_kept(aws: Aws) -> None:
    message = talk(aws)
    bootstrap.api.build().conversations.delete(USER, message.conversation_id)
    entitle(aws, message, "Tarde")
    assert aws.items.get(keys.title_key(message.conversation_id)) is None and counted(aws) == (20, 25)


def test_a_title_goes_with_its_conversation(aws: Aws) -> None:
    message = talk(aws)
    entitle(aws, message, "O porquê")
    bootstrap.api.build().conversations.delete(USER, message.conversation_id)
    assert list(aws.items.query(keys.messages_partition(message.conversation_id))) == []


def test_no_title_is_counted_and_not_kept(aws: Aws) -> None:
    message = talk(aws)
    entitle(aws, message, "")
    assert shown(message) == {"Por quê?"} and counted(aws) == (20, 25)


def test_a_list_of_a_hundred_has_their_titles(aws: Aws) -> None:
    chats = bootstrap.api.build().conversations
    made = [str(chats.create(USER)["id"]) for _ in range(101)]
    for one in made:
        aws.put(**keys.title_key(one), title=f"title of {one}")
    listed: Any = chats.list_conversations(USER, {"limit": "100"})["data"]
    assert len(listed) == 100 and all(one["title"] == f"title of {one['id']}" for one in listed)
