"""`DELETE …/messages/{id}`: what nobody has begun ends at once, what is in work is asked to end, by whoever has it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.push import MemoryPush
from foreverus.backends.port import BackendName
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import FinishedAnswer, MessageRef, PartialAnswer, Saved
from foreverus.conversations.stopping import MessageStops
from foreverus.errors import Conflict, NotFound
from foreverus.sessions.pending import PendingMessage, PendingWorkStore, move_writes, pending_write
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import Aws, session_item
from tests.unit.conversations.test_waiting import waiting

USER = "user-1"


class Scene:
    """One question in a conversation, watched by one page."""

    def __init__(self, aws: Aws):
        self.aws = aws
        services = bootstrap.api.build()
        self.chats = services.conversations
        self.conversation = str(self.chats.create(USER)["id"])
        posted: Any = self.chats.post(USER, self.conversation, {"content": "count"})
        self.message = MessageRef(posted["message"]["id"], self.conversation, USER)
        self.answers = DynamoAnswers(aws.items)
        self.push = MemoryPush()
        self.push.subscribe(keys.conversation_topic(self.conversation), "c1")
        self.called: list[MessageRef] = []
        self.stops: MessageStops = replace(services.stops, push=lambda: self.push, bedrock=self)

    def call(self, message: MessageRef) -> None:
        self.called.append(message)
        raise ConnectionError  # which stops nothing

    def begin(
        self, session_id: str = "ses_1", status: str = "serving", text: str = "one two ", tokens: int = 2
    ) -> None:
        if session_id:
            self.aws.put(**session_item(session_id, status=status))
        assert self.answers.checkpoint(self.message, PartialAnswer(text, tokens), session_id)

    def stop(self, message_id: str = "", user_id: str = USER) -> tuple[dict[str, Any], bool]:
        return self.stops.stop(user_id, self.conversation, message_id or self.message.message_id)

    def wished(self) -> set[str]:
        return set((self.aws.items.get(keys.session_key("ses_1")) or {}).get("stops", ()))

    def waits(self) -> bool:
        pending = PendingWorkStore(self.aws.items)
        return any(one.message_id == self.message.message_id for one in pending.messages() + pending.on_bedrock())


@pytest.mark.parametrize("named", ["question", "answer"])
def test_what_waits_is_over_at_once_and_its_watchers_see_it(aws: Aws, named: str) -> None:
    scene = Scene(aws)
    name = scene.message.message_id if named == "question" else ids.answer_id(scene.message.message_id)
    answer, over = scene.stop(name)
    assert over and (answer["status"], answer["finish_reason"], answer["content"]) == ("answered", "stopped", "")
    assert not scene.waits()
    assert [frame["message"] for frame in scene.push.frames["c1"]] == [answer]
    assert scene.chats.messages(USER, scene.conversation, {})["data"][1] == answer
    assert scene.stop(name) == (answer, True), "twice is the same again"
    late = scene.answers.finish(scene.message, FinishedAnswer("three", 1, 1, "stop"), "ses_1", bootstrap.aws.clock())
    assert late is Saved.DUPLICATE


def test_what_a_gpu_writes_is_asked_to_end(aws: Aws) -> None:
    scene = Scene(aws)
    scene.begin()
    answer, over = scene.stop()
    assert not over and answer["stop_requested"] is True
    assert (answer["status"], answer["content"]) == ("answering", "one two ")
    assert scene.wished() == {scene.message.message_id} and scene.waits()
    assert scene.stop() == (answer, False)
    thread = scene.answers.thread(scene.message, 0)
    assert thread.stop_requested
    assert not scene.answers.checkpoint(scene.message, PartialAnswer("one two three ", 3), "ses_1")
    assert not scene.answers.hand_back(scene.message, PartialAnswer("one two three ", 3, 3), "ses_1")
    assert scene.answers.finish(scene.message, thread.stopped("ses_1"), "ses_1", bootstrap.aws.clock()) is Saved.SAVED
    shown, over = scene.stop()
    assert over and "stop_requested" not in shown
    assert (shown["content"], shown["usage"]) == ("one two ", {"prompt_tokens": 0, "completion_tokens": 2})
    used = aws.items.get(keys.session_key("ses_1")) or {}
    assert used["completion_tokens"] == 2


def test_what_bedrock_writes_is_asked_to_end_by_its_answer_alone(aws: Aws) -> None:
    scene = Scene(aws)
    scene.begin(session_id="")
    answer, over = scene.stop()
    assert not over and answer["stop_requested"] is True
    assert not scene.answers.checkpoint(scene.message, PartialAnswer("one two three ", 3), "")
    assert scene.called == [scene.message], "should its function have been killed, the next one ends it"


@pytest.mark.parametrize("status", ["ended", "failed", "booting", "launching"])
def test_what_a_lost_gpu_has_begun_ends_at_once_with_its_text_and_its_tokens(aws: Aws, status: str) -> None:
    scene = Scene(aws)
    scene.begin(status=status)
    answer, over = scene.stop()
    assert over and (answer["content"], answer["finish_reason"]) == ("one two ", "stopped")
    assert answer["usage"]["completion_tokens"] == 2 and not scene.waits()
    assert (aws.items.get(keys.session_key("ses_1")) or {})["completion_tokens"] == 2
    assert aws.items.get(keys.answered_key("ses_1", scene.message.message_id)), "PostgreSQL gets it with its session"


@pytest.mark.parametrize("end", [FinishedAnswer("whole", 1, 1, "stop"), FinishedAnswer("cut", 1, 1, "length")])
def test_what_is_over_cannot_be_stopped(aws: Aws, end: FinishedAnswer) -> None:
    scene = Scene(aws)
    aws.put(**session_item("ses_1", status="serving"))
    scene.answers.finish(scene.message, end, "ses_1", bootstrap.aws.clock())
    with pytest.raises(Conflict) as refused:
        scene.stop()
    assert (refused.value.reason, refused.value.param) == ("answer_is_over", "message_id")
    assert not scene.wished()


@pytest.mark.parametrize("name", ["msg_019b76daa8000000000000000009", "ans_1", "conv_1", "msg_", "x", "msg_%20", "~"])
def test_what_is_not_there_is_not_found(aws: Aws, name: str) -> None:
    with pytest.raises(NotFound) as refused:
        Scene(aws).stop(name)
    assert refused.value.reason == "message_not_found"


def test_somebody_elses_is_not_there_and_is_not_stopped(aws: Aws) -> None:
    scene = Scene(aws)
    scene.begin()
    with pytest.raises(NotFound):
        scene.stop(user_id="user-2")
    own = bootstrap.api.build().conversations.create("user-2")["id"]
    with pytest.raises(NotFound):
        scene.stops.stop("user-2", str(own), scene.message.message_id)
    assert not scene.wished() and scene.waits()


def test_a_conversation_that_is_deleted_meanwhile_keeps_no_answer(aws: Aws) -> None:
    scene = Scene(aws)

    class Deleting:
        def __getattr__(self, name: str) -> Any:
            if name in ("end_unbegun", "request_stop"):
                scene.chats.delete(USER, scene.conversation)
            return getattr(scene.answers, name)

    with pytest.raises(NotFound):
        replace(scene.stops, answers=Deleting()).stop(USER, scene.conversation, scene.message.message_id)
    assert list(aws.items.query(keys.messages_partition(scene.conversation))) == []


def test_one_that_is_begun_at_the_same_moment_is_asked_to_end(aws: Aws) -> None:
    scene = Scene(aws)

    class Beginning:
        def __getattr__(self, name: str) -> Any:
            if name == "end_unbegun" and scene.answers.thread(scene.message, 0).answer is None:
                scene.begin()
            return getattr(scene.answers, name)

    answer, over = replace(scene.stops, answers=Beginning()).stop(USER, scene.conversation, scene.message.message_id)
    assert not over and answer["content"] == "one two " and scene.wished()


def test_one_whose_session_ends_at_the_same_moment_ends_here(aws: Aws) -> None:
    scene = Scene(aws)
    scene.begin()

    class Ending(SessionStore):
        def request_stop(self, session_id: str, work_id: str) -> bool:
            aws.put(**session_item(session_id, status="failed", ended_at="2026-01-01T00:00:00.000Z"))
            return super().request_stop(session_id, work_id)

    answer, over = replace(scene.stops, sessions=Ending(aws.items)).stop(
        USER, scene.conversation, scene.message.message_id
    )
    assert over and answer["finish_reason"] == "stopped" and not scene.waits()


@pytest.mark.parametrize("backend", [BackendName.GPU, BackendName.BEDROCK])
def test_one_that_moves_between_backends_waits_for_neither_afterwards(aws: Aws, backend: BackendName) -> None:
    scene = Scene(aws)
    waiting = PendingMessage(
        message_id=scene.message.message_id,
        conversation_id=scene.conversation,
        user_id=USER,
        created_at=ids.timestamp(bootstrap.aws.clock()),
        backend=backend,
    )
    scene.answers.drop(scene.message)
    aws.items.transact(pending_write(waiting))
    scene.stop()
    assert not aws.items.transact_if(*move_writes(waiting)) and not scene.waits()
    aws.items.transact(pending_write(waiting))


def moved_before(scene: Scene) -> None:
    (waiting,) = PendingWorkStore(scene.aws.items).messages()
    scene.aws.items.transact(*move_writes(waiting))


@pytest.mark.parametrize("before", [moved_before, lambda scene: None])
def test_a_stop_ends_the_waiting_wherever_it_is(aws: Aws, before: Callable[[Scene], None]) -> None:
    scene = Scene(aws)
    before(scene)
    assert scene.stop()[1] and not scene.waits()


def test_a_session_that_closes_ends_what_was_stopped_and_buys_no_gpu_for_it(aws: Aws) -> None:
    scene = Scene(aws)
    scene.begin(text="one ", tokens=1)
    scene.stop()
    session = SessionStore(aws.items).get("ses_1")
    assert session
    assert waiting(aws).successor(session) is None
    assert scene.stop()[0]["content"] == "one "


def test_a_session_that_fails_ends_what_was_stopped_as_stopped(aws: Aws) -> None:
    scene = Scene(aws)
    scene.begin(text="one ", tokens=1)
    scene.stop()
    waiting(aws).reject_all("ses_1", "SpendCapReached")
    answer, over = scene.stop()
    assert over and (answer["content"], answer["finish_reason"]) == ("one ", "stopped")


def test_a_stopped_answer_is_a_turn_and_one_without_a_word_is_none(aws: Aws) -> None:
    scene = Scene(aws)
    scene.stop()
    asked: Any = scene.chats.post(USER, scene.conversation, {"content": "again"})
    second = MessageRef(asked["message"]["id"], scene.conversation, USER)
    assert scene.answers.thread(second, 10_000).earlier == ()
    aws.put(**session_item("ses_1", status="failed"))
    scene.answers.checkpoint(second, PartialAnswer("half", 1), "ses_1")
    scene.stop(second.message_id)
    third: Any = scene.chats.post(USER, scene.conversation, {"content": "and now"})
    thread = scene.answers.thread(MessageRef(third["message"]["id"], scene.conversation, USER), 10_000)
    assert [(one.question, one.answer) for one in thread.earlier] == [("again", "half")]
