"""A search over titles and texts: what is found, in what order, page by page, and what is never found."""

from collections.abc import Callable
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import FinishedAnswer, MessageRef
from foreverus.conversations.search.calling import SearchFunction
from foreverus.conversations.search.records import MessageFound, NoTexts, TextsFound, WhyTitlesAlone
from foreverus.conversations.search.service import ConversationSearch
from foreverus.conversations.service import ConversationService
from foreverus.errors import InvalidRequest
from tests.unit.conftest import Aws

USER = "user-1"


class Texts:
    """PostgreSQL as it was when somebody last stored in it: deleted conversations are still there."""

    def __init__(self, *said: tuple[str, str]) -> None:
        self.said = sorted(said, reverse=True)  # conversation, message
        self.why: WhyTitlesAlone | None = None
        self.asked: list[tuple[str, str, str, int]] = []

    def search(self, user_id: str, words: str, before: str, most: int) -> TextsFound:
        self.asked.append((user_id, words, before, most))
        if self.why:
            return TextsFound(why=self.why)
        found = [MessageFound(*one) for one in self.said if not before or one[0] < before]
        return TextsFound(tuple(found[:most]), ("mar",))


@pytest.fixture
def chats(aws: Aws) -> ConversationService:
    return bootstrap.api.build().conversations


def say(aws: Aws, chats: ConversationService, title: str, question: str = "", answer: str = "") -> tuple[str, str]:
    """A conversation's id, and its question's."""
    conversation = str(chats.create(USER, title=title)["id"])
    if not question:
        return conversation, ""
    message = str(chats.post(USER, conversation, {"content": question})["message"]["id"])
    if answer:
        ref = MessageRef(message, conversation, USER)
        DynamoAnswers(aws.items).finish(ref, FinishedAnswer(answer), "ses_1", bootstrap.aws.clock())
    return conversation, message


def search(chats: ConversationService, texts: Any, q: str, **query: str) -> dict[str, Any]:
    return ConversationSearch(chats.store, texts).search(USER, {"q": q, **query})


def ids(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["data"]]


def test_titles_and_texts_are_one_list_with_the_words_marked(aws: Aws, chats: ConversationService) -> None:
    by_title, _ = say(aws, chats, "O mar")
    by_answer, message = say(aws, chats, "Outra", "E a água?", "Ela vem dos Mares do sul")
    both, question = say(aws, chats, "Marés", "O que é o mar?")
    say(aws, chats, "Nada disso", "nem aqui")
    answer = message.replace("msg_", "ans_")
    found = search(chats, Texts((by_answer, answer), (both, question)), "mar")
    assert ids(found) == [both, by_answer, by_title]
    assert (found["searched"], found["why"], found["retry_after_seconds"]) == ("titles_and_texts", None, None)
    first, second, third = (one["match"] for one in found["data"])
    assert first["title"] == [{"text": "Mar", "marked": True}, {"text": "és", "marked": False}]
    assert (first["message"]["id"], first["message"]["role"]) == (question, "user")
    assert second["title"] is None
    assert (second["message"]["id"], second["message"]["role"], second["message"]["earlier"]) == (
        answer,
        "assistant",
        False,
    )
    assert {"text": "Mares", "marked": True} in second["message"]["snippet"]
    assert third["message"] is None
    assert found["data"][0]["object"] == "conversation"


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_each_is_found_once_however_it_is_paged(aws: Aws, chats: ConversationService, limit: int) -> None:
    made = [say(aws, chats, "O mar" if n % 3 else "Outra", "o mar" if n % 2 else "") for n in range(8)]
    texts = Texts(*(one for one in made if one[1]))
    expected = [one[0] for n, one in enumerate(made) if n % 3 or n % 2][::-1]
    found: list[str] = []
    query: dict[str, str] = {"limit": str(limit)}
    while True:
        page = search(chats, texts, "mar", **query)
        assert len(page["data"]) <= limit
        found += ids(page)
        if not page["has_more"]:
            break
        query["after"] = found[-1]
    assert found == expected


def test_what_was_deleted_is_not_found_though_postgresql_has_it(aws: Aws, chats: ConversationService) -> None:
    made = [say(aws, chats, "Outra", "o mar") for _ in range(6)]
    for conversation, _ in made[1:]:
        chats.delete(USER, conversation)
    found = search(chats, Texts(*made), "mar", limit="2")
    assert ids(found) == [made[0][0]]
    assert not found["has_more"]


def test_somebody_elses_conversation_is_not_shown_whatever_postgresql_says(
    aws: Aws, chats: ConversationService
) -> None:
    theirs = str(chats.create("user-2", title="O mar")["id"])
    assert ids(search(chats, Texts((theirs, "msg_1")), "mar")) == []


def test_a_title_that_the_model_gave_is_found(aws: Aws, chats: ConversationService) -> None:
    conversation, _ = say(aws, chats, "")
    aws.items.put({**keys.title_key(conversation), "title": "Fotossíntese"})
    (one,) = search(chats, NoTexts(), "fotossintese")["data"]
    assert one["title"] == "Fotossíntese"


def test_an_earlier_versions_message_says_that_it_is_one(aws: Aws, chats: ConversationService) -> None:
    conversation, first = say(aws, chats, "Outra", "o mar", "Sim")
    chats.post(USER, conversation, {"content": "o rio", "replaces": first})
    (one,) = search(chats, Texts((conversation, first)), "mar")["data"]
    assert one["match"]["message"]["earlier"] is True


@pytest.mark.parametrize("why", list(WhyTitlesAlone))
def test_where_texts_cannot_be_searched_titles_are_and_it_says_why(
    aws: Aws, chats: ConversationService, why: WhyTitlesAlone
) -> None:
    conversation, _ = say(aws, chats, "O mar")
    texts = Texts()
    texts.why = why
    found = search(chats, texts, "mar")
    assert ids(found) == [conversation]
    assert (found["searched"], found["why"]) == ("titles", why.value)
    assert (found["retry_after_seconds"] is not None) == (why is WhyTitlesAlone.WAKING)


def test_the_stack_without_postgresql_says_so(aws: Aws) -> None:
    found = bootstrap.api.build().search().search(USER, {"q": "mar"})
    assert (found["data"], found["searched"], found["why"]) == ([], "titles", "no_database")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"q": ""}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a", "limit": "0"}, "limit"),
        ({"q": "a", "after": "x"}, "after"),
    ],
)
def test_a_wrong_query_is_refused_by_name(
    aws: Aws, chats: ConversationService, query: dict[str, str], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ConversationSearch(chats.store, NoTexts()).search(USER, query)
    assert refused.value.param == param


class Asked:
    def __init__(self, answer: Callable[[], bytes]) -> None:
        self.answer = answer

    def ask(self, event: Any) -> bytes:
        self.event = event
        return self.answer()


def test_the_function_is_asked_and_its_answer_read() -> None:
    told = b'{"hits": [{"conversation_id": "conv_1", "message_id": "ans_1"}], "stems": ["mar"], "why": null}'
    asked = Asked(lambda: told)
    found = SearchFunction(asked).search(USER, "mar", "", 21)
    assert found == TextsFound((MessageFound("conv_1", "ans_1"),), ("mar",), None)
    assert asked.event == {"user_id": USER, "words": "mar", "before": "", "most": 21}


def broken() -> bytes:
    raise ConnectionError


@pytest.mark.parametrize("answer", [broken, lambda: b"{", lambda: b"null", lambda: b'{"hits": 1}', lambda: b"{}"])
def test_a_function_that_fails_costs_the_texts_alone(answer: Callable[[], bytes]) -> None:
    assert SearchFunction(Asked(answer)).search(USER, "mar", "", 21) == TextsFound(why=WhyTitlesAlone.UNAVAILABLE)
