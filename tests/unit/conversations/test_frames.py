"""What a person's open pages hear of their conversations."""

from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.aws.push import MemoryPush
from foreverus.aws.socket_keys import conversations_topic
from foreverus.conversations.service import ConversationService
from tests.unit.conftest import Aws, session_item


@pytest.fixture
def push(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> MemoryPush:
    aws.put(**session_item("ses_1", status="serving"))
    sent = MemoryPush()
    for user_id in ("ana", "bia"):
        sent.subscribe(conversations_topic(user_id), f"tab of {user_id}")
    monkeypatch.setattr(bootstrap.aws, "push", lambda: sent)
    bootstrap.api.build.cache_clear()
    return sent


@pytest.fixture
def chats(push: MemoryPush) -> ConversationService:
    return bootstrap.api.build().conversations


def heard(push: MemoryPush, user_id: str = "ana") -> list[Any]:
    frames = push.frames[f"tab of {user_id}"]
    assert {frame["type"] for frame in frames} <= {"conversation"}
    told = [frame["conversation"] for frame in frames]
    frames.clear()
    return told


def test_a_new_conversation_its_first_words_a_rename_and_its_deletion(
    push: MemoryPush, chats: ConversationService
) -> None:
    made = chats.create("ana")
    assert heard(push) == [made] and made["title"] == ""
    id_ = str(made["id"])
    chats.post("ana", id_, {"content": "Por que o céu é azul?", "backend": "gpu"})
    (begun,) = heard(push)
    assert begun == chats.get("ana", id_) and begun["title"] == "Por que o céu é azul?"
    chats.post("ana", id_, {"content": "E o mar?", "backend": "gpu"})
    assert heard(push) == [], "only what changes the list"
    assert heard(push) == [] and chats.change("ana", id_, {"title": "Cores"}) == heard(push)[0]
    assert chats.delete("ana", id_) == heard(push)[0] == {"id": id_, "object": "conversation.deleted", "deleted": True}
    assert heard(push, "bia") == [], "nobody hears of another one's"


@pytest.mark.parametrize("trouble", [ConnectionError("down"), ValueError("what")])
def test_what_cannot_be_shown_is_done_all_the_same(
    push: MemoryPush, chats: ConversationService, trouble: Exception
) -> None:
    push.fail_next(trouble)
    made = str(chats.create("ana", title="One")["id"])
    push.fail_next(trouble)
    assert chats.change("ana", made, {"title": "Two"})["title"] == "Two"
    push.fail_next(trouble)
    assert chats.delete("ana", made)["deleted"] and heard(push) == []


@pytest.mark.parametrize("title", ["Sea", ""])
def test_an_imported_conversation_is_told_once_and_only_where_something_is_new(
    push: MemoryPush, chats: ConversationService, title: str
) -> None:
    imports = bootstrap.api.build().imports
    exchange = {"question": "one", "answer": "Re: one"}
    made = {"source": "chatgpt", "source_id": "abc", "title": title, "created_at": "2024-05-01T10:00:00.000Z"}
    done = imports.take("ana", {**made, "exchanges": [exchange, exchange]})
    assert heard(push) == [chats.get("ana", str(done["id"]))]
    assert imports.take("ana", {**made, "exchanges": [exchange, exchange]})["taken"] == 0
    assert imports.take("ana", {**made, "first": 2, "exchanges": [exchange]})["taken"] == 1
    assert heard(push) == [] and heard(push, "bia") == []
