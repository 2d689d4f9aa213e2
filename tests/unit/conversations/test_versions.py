"""Another answer to the same question, and another question in its place: what was there before stays, as a version."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys
from foreverus.backends.port import BackendName
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import FinishedAnswer, MessageRef, PartialAnswer, Saved
from foreverus.conversations.versions import Branch, Replacement, version_of
from foreverus.errors import Conflict, InvalidRequest, NotFound
from foreverus.results import rows
from foreverus.sessions.pending import PendingWorkStore
from tests.unit.conftest import Aws, session_item

USER = "user-1"


class Talk:
    """A conversation whose messages a session answers at once."""

    def __init__(self, aws: Aws):
        self.aws = aws
        self.chats = bootstrap.api.build().conversations
        self.id = str(self.chats.create(USER, backend="gpu")["id"])
        self.answers = DynamoAnswers(aws.items)
        aws.put(**session_item("ses_1", status="serving"))
        aws.put(**keys.GPU_SLOT, session_id="ses_1")

    def ask(self, content: str, **more: Any) -> str:
        posted: Any = self.chats.post(USER, self.id, {"content": content, **more})
        return self.answered(posted)

    def again(self, message_id: str, **more: Any) -> str:
        return self.answered(self.chats.regenerate(USER, self.id, message_id, more))

    def answered(self, posted: Any, text: str = "") -> str:
        message = MessageRef(posted["message"]["id"], self.id, USER)
        finished = FinishedAnswer(text or f"to {posted['message']['content']}", 1, 1, "stop")
        assert self.answers.finish(message, finished, "ses_1", bootstrap.aws.clock()) is Saved.SAVED
        return message.message_id

    def shown(self, **query: str) -> list[str]:
        listed: Any = self.chats.messages(USER, self.id, query)["data"]
        return [one["content"] for one in listed if one["role"] == "user"]

    def thread(self) -> list[str]:
        """What the next prompt would hold of what was said before."""
        posted: Any = self.chats.post(USER, self.id, {"content": "next"})
        thread = self.answers.thread(MessageRef(posted["message"]["id"], self.id, USER), 10**6)
        return [one.question for one in thread.earlier]


def test_another_answer_takes_the_place_of_the_last_one(aws: Aws) -> None:
    talk = Talk(aws)
    first, second = talk.ask("one"), talk.ask("two", max_tokens=7)
    posted: Any = talk.chats.regenerate(USER, talk.id, second, {})
    assert posted["message"]["content"] == "two" and posted["message"]["replaces"] == second
    assert posted["answer"]["status"] == "queued"
    third = talk.answered(posted, "another")
    listed: Any = talk.chats.messages(USER, talk.id, {})["data"]
    assert [one["id"][4:] for one in listed] == [one[4:] for one in (first, first, third, third)]
    assert listed[-1]["content"] == "another"
    item = aws.items.get(keys.question_key(talk.id, third)) or {}
    assert item["options"] == {"max_tokens": 7}, "as it was asked before"
    earlier: Any = talk.chats.messages(USER, talk.id, {"version": second})["data"]
    assert [one["content"] for one in earlier] == ["one", "to one", "two", "to two"]
    assert talk.thread() == ["one", "two"]


def test_a_question_says_which_version_it_is(aws: Aws) -> None:
    talk = Talk(aws)
    talk.ask("one")
    second = talk.again(talk.ask("two"))
    talk.ask("three", replaces=second)
    listed: Any = talk.chats.messages(USER, talk.id, {})["data"]
    assert [one.get("version") for one in listed if one["role"] == "user"] == [None, 3]


def test_another_question_takes_the_place_of_one_and_of_all_that_followed(aws: Aws) -> None:
    talk = Talk(aws)
    first, second, third = talk.ask("one"), talk.ask("two"), talk.ask("three")
    fourth = talk.ask("deux", replaces=second)
    fifth = talk.ask("trois")
    assert talk.shown() == ["one", "deux", "trois"] and talk.shown(order="desc") == ["trois", "deux", "one"]
    assert talk.shown(version=third) == talk.shown(version=second) == ["one", "two", "three"]
    sixth = talk.ask("uno", replaces=f"ans_{first[4:]}")
    assert talk.shown() == ["uno"] == talk.shown(version=sixth)
    assert talk.shown(version=fifth) == talk.shown(version=fourth) == talk.shown(version=first)
    assert talk.shown(version=fifth) == ["one", "deux", "trois"]
    assert talk.shown(version=third) == ["one", "two", "three"], "a version within a version"
    assert talk.thread() == ["uno"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_list_that_is_read_page_by_page_has_each_message_of_the_branch_once(aws: Aws, order: str) -> None:
    talk = Talk(aws)
    names = [talk.ask(f"{number}") for number in range(4)]
    talk.again(talk.ask("1b", replaces=names[1]))
    talk.ask("2b")
    whole: Any = talk.chats.messages(USER, talk.id, {"order": order})["data"]
    found: list[Any] = []
    while True:
        query = {"order": order, "limit": "1"} | ({"after": found[-1]["id"]} if found else {})
        page: Any = talk.chats.messages(USER, talk.id, query)
        found += page["data"]
        if not page["has_more"]:
            break
    assert found == whole and len(whole) == 6


@pytest.mark.parametrize(("order", "rest"), [("asc", ["2b"]), ("desc", ["1"])])
def test_a_place_that_was_replaced_while_somebody_pages_is_still_a_place(aws: Aws, order: str, rest: list[str]) -> None:
    talk = Talk(aws)
    _, second, third = talk.ask("1"), talk.ask("2"), talk.ask("3")
    talk.ask("2b", replaces=second)
    assert talk.shown(order=order, after=third) == talk.shown(order=order, after=f"ans_{third[4:]}") == rest


@pytest.mark.parametrize("backend", [BackendName.GPU, BackendName.BEDROCK])
@pytest.mark.parametrize("begun", [False, True])
def test_nothing_is_replaced_while_something_is_answered(aws: Aws, backend: BackendName, begun: bool) -> None:
    talk = Talk(aws)
    first = talk.ask("one")
    posted: Any = talk.chats.post(USER, talk.id, {"content": "two"})
    waiting = MessageRef(posted["message"]["id"], talk.id, USER)
    if backend is BackendName.BEDROCK:
        aws.items.delete(keys.pending_key(waiting.message_id))
        aws.put(
            **keys.pending_on_bedrock_key(waiting.message_id),
            **{"message_id": waiting.message_id, "conversation_id": talk.id, "user_id": USER, "created_at": "2026"},
        )
    if begun:
        talk.answers.checkpoint(waiting, PartialAnswer("so far", 2), "ses_1")
    backend_named = {"backend": backend.value} if backend is BackendName.GPU else {}
    for refused in (first, waiting.message_id):
        for call in (
            lambda of=refused: talk.chats.regenerate(USER, talk.id, of, backend_named),
            lambda of=refused: talk.chats.post(USER, talk.id, {"content": "x", "replaces": of, **backend_named}),
        ):
            with pytest.raises(Conflict) as why:
                call()
            assert why.value.reason == "conversation_busy"
    assert talk.shown() == ["one", "two"]


def test_one_that_was_stopped_or_failed_is_asked_again(aws: Aws) -> None:
    talk = Talk(aws)
    posted: Any = talk.chats.post(USER, talk.id, {"content": "one"})
    bootstrap.api.build().stops.answers.end_unbegun(
        MessageRef(posted["message"]["id"], talk.id, USER), bootstrap.aws.clock()
    )
    again = talk.again(posted["message"]["id"])
    assert talk.shown() == ["one"] and talk.again(again)


def test_what_is_replaced_already_is_replaced_no_more(aws: Aws) -> None:
    talk = Talk(aws)
    first, second = talk.ask("one"), talk.ask("two")
    talk.ask("uno", replaces=first)
    for gone in (first, second, f"ans_{second[4:]}"):
        with pytest.raises(Conflict) as why:
            talk.chats.regenerate(USER, talk.id, gone, {})
        assert why.value.reason == "message_replaced"


def test_what_is_not_there_or_somebody_elses_is_not_found(aws: Aws) -> None:
    talk = Talk(aws)
    first = talk.ask("one")
    other: Any = talk.chats.create("user-2", backend="gpu")
    for call in (
        lambda: talk.chats.regenerate(USER, talk.id, "msg_019b76daa8000000000000000009", {}),
        lambda: talk.chats.post(USER, talk.id, {"content": "x", "replaces": "conv_1"}),
        lambda: talk.chats.regenerate("user-2", talk.id, first, {}),
        lambda: talk.chats.post("user-2", str(other["id"]), {"content": "x", "replaces": first}),
        lambda: talk.chats.regenerate("user-2", str(other["id"]), first, {}),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(NotFound) as missing:
        talk.chats.post(USER, talk.id, {"content": "x", "replaces": "msg_1"})
    assert missing.value.param == "replaces"
    with pytest.raises(InvalidRequest) as why:
        talk.chats.messages(USER, talk.id, {"version": "msg_1"})
    assert why.value.param == "version"
    assert talk.shown() == ["one"]


@pytest.mark.parametrize("how", ["regenerate", "replaces"])
def test_a_repeated_request_replaces_once(aws: Aws, how: str) -> None:
    talk = Talk(aws)
    first = talk.ask("one")
    calls: dict[str, Callable[[RequestAttempt], Any]] = {
        "regenerate": lambda attempt: talk.chats.regenerate(USER, talk.id, first, {}, attempt),
        "replaces": lambda attempt: talk.chats.post(USER, talk.id, {"content": "uno", "replaces": first}, attempt),
    }
    made = calls[how](RequestAttempt("k1"))
    talk.answered(made)
    assert calls[how](RequestAttempt("k1"))["message"] == made["message"]
    assert len(talk.shown()) == 1 and len(list(aws.items.query(keys.messages_partition(talk.id), "REPL"))) == 1
    with pytest.raises(Conflict):
        talk.chats.post(USER, talk.id, {"content": "other", "replaces": first}, RequestAttempt("k1"))


def test_a_try_that_was_cut_off_before_others_wrote_replaces_nothing_of_theirs(aws: Aws) -> None:
    """Its message has the id, and so the place in time, of the first try."""
    talk = Talk(aws)
    first = talk.ask("one")

    class Crash:
        def check(self, *_: Any) -> None:
            raise KeyboardInterrupt

    cut = replace(talk.chats, replacing=Crash())
    attempt = RequestAttempt("k1")
    with pytest.raises(KeyboardInterrupt):
        cut.post(USER, talk.id, {"content": "uno", "replaces": first}, attempt)
    talk.ask("two")
    with pytest.raises(Conflict) as why:
        talk.chats.post(USER, talk.id, {"content": "uno", "replaces": first}, attempt)
    assert why.value.reason == "conversation_changed" and talk.shown() == ["one", "two"]


def test_one_that_is_sent_at_the_same_moment_is_not_swallowed(aws: Aws) -> None:
    talk = Talk(aws)
    first = talk.ask("one")
    real = talk.chats.replacing

    class Late:
        def check(self, *asked: Any) -> None:
            real.check(*asked)
            if talk.shown() == ["one"]:
                talk.chats.post(USER, talk.id, {"content": "two"})

    with pytest.raises(Conflict) as why:
        replace(talk.chats, replacing=Late()).regenerate(USER, talk.id, first, {})
    assert why.value.reason == "conversation_busy" and talk.shown() == ["one", "two"]


def test_one_that_cannot_be_queued_takes_nobodys_place(aws: Aws) -> None:
    class Broken:
        def send(self, *_: Any) -> None:
            raise ConnectionError

    talk = Talk(aws)
    first = talk.ask("one")
    with pytest.raises(Exception, match="was not kept"):
        replace(talk.chats, queue=Broken()).regenerate(USER, talk.id, first, {"backend": "gpu"})
    assert talk.shown() == ["one"] and not PendingWorkStore(aws.items).of_conversation(talk.id)
    assert talk.again(first)


def test_a_deleted_conversation_leaves_no_version(aws: Aws) -> None:
    talk = Talk(aws)
    talk.again(talk.ask("one"))
    talk.chats.delete(USER, talk.id)
    assert list(aws.items.query(keys.messages_partition(talk.id))) == []


def test_postgresql_knows_whose_place_a_question_took(aws: Aws) -> None:
    talk = Talk(aws)
    first = talk.ask("one")
    second = talk.again(first)
    found = talk.chats.store.exchange(MessageRef(second, talk.id, USER))
    assert found
    _, question, answer = found
    assert [row["replaces"] for row in rows.message_rows(question, answer)] == [first, None]


def test_a_question_that_is_stopped_in_the_queue_lets_nobody_overtake_the_one_before(aws: Aws) -> None:
    talk = Talk(aws)
    talk.chats.post(USER, talk.id, {"content": "one"})
    second: Any = talk.chats.post(USER, talk.id, {"content": "two"})
    bootstrap.api.build().stops.answers.end_unbegun(
        MessageRef(second["message"]["id"], talk.id, USER), bootstrap.aws.clock() + timedelta(seconds=1)
    )
    with pytest.raises(Conflict) as why:
        talk.chats.post(USER, talk.id, {"content": "three", "backend": "bedrock"})
    assert why.value.reason == "conversation_busy"


def by_definition(replacements: list[Replacement], message: str) -> bool:
    return not any(one.replaced <= message < one.by for one in replacements)


def test_a_branch_is_what_no_replacement_covers_whatever_was_replaced_in_whatever_order() -> None:
    """Every way to replace three times in a conversation of eight messages."""
    names = [f"msg_{number}" for number in range(8)]
    pairs = [Replacement(*pair) for pair in combinations(names, 2)]
    for made in combinations(pairs, 3):
        branch = Branch(made)
        assert [branch.holds(one) for one in names] == [by_definition(list(made), one) for one in names]
        for name in names:
            version = version_of(name, made)
            assert version.holds(name) or not by_definition(
                [one for one in made if not version.until or one.by < version.until], name
            )
            assert version.until == "" if by_definition(list(made), name) else version.until > name
