"""Answers in DynamoDB (moto): every answer is saved once, whatever happens twice or in between."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.backends.port import TokenUsage
from foreverus.conversations.answers import Answers, DynamoAnswers
from foreverus.conversations.items import answer_from_item, messages_from_items
from foreverus.conversations.memory import MemoryAnswers
from foreverus.conversations.records import (
    Answer,
    AnswerError,
    FinishedAnswer,
    MessageRef,
    PartialAnswer,
    Saved,
)
from foreverus.conversations.views import public_messages
from foreverus.costs.usage.records import DayUsage
from foreverus.costs.usage.store import UsageStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MY = MessageRef("msg_2", "conv_1", "user_1")
EARLIER = MessageRef("msg_1", "conv_1", "user_1")


class DynamoWorld:
    """The same scenes as `MemoryAnswers` has, in the table."""

    def __init__(self, aws: Any):
        self.items: Table = aws.items
        self.answers = DynamoAnswers(self.items, lambda: NOW)
        self.items.put({**keys.session_key("ses_1"), "session_id": "ses_1", "version": 1})

    def ask(self, request: MessageRef, content: str) -> None:
        rows: list[dict[str, Any]] = [
            {**keys.conversation_key("user_1", "conv_1"), "conversation_id": "conv_1", "system": "Be brief."},
            {
                **keys.question_key("conv_1", request.message_id),
                "message_id": request.message_id,
                "conversation_id": "conv_1",
                "content": content,
                "created_at": ids.timestamp(NOW),
                "options": {"temperature": 0.5},
            },
            {**keys.pending_key(request.message_id), "message_id": request.message_id},
        ]
        for row in rows:
            self.items.put(row)

    def answer(self, request: MessageRef) -> Answer | None:
        found = self.items.get(keys.answer_key("conv_1", request.message_id))
        return answer_from_item(found) if found else None

    def delete(self) -> None:
        self.items.delete(keys.conversation_key("user_1", "conv_1"))

    def undo_accept(self) -> None:
        self.items.delete(keys.question_key("conv_1", "msg_2"))
        self.items.delete(keys.pending_key("msg_2"))

    def pending(self) -> bool:
        return self.items.get(keys.pending_key("msg_2")) is not None

    def usage(self) -> tuple[int, int, int]:
        session = self.items.get(keys.session_key("ses_1")) or {}
        names = ("prompt_tokens", "completion_tokens", "messages_answered")
        return tuple(session.get(name, 0) for name in names)  # type: ignore[return-value]

    def day(self) -> DayUsage:
        return UsageStore(self.items).day("user_1", "2026-01-01")


class MemoryWorld:
    def __init__(self) -> None:
        self.answers = MemoryAnswers(lambda: NOW)

    def ask(self, request: MessageRef, content: str) -> None:
        self.answers.ask(content, message_id=request.message_id, temperature=0.5)

    def answer(self, request: MessageRef) -> Answer | None:
        return self.answers.answer(request)

    def delete(self) -> None:
        self.answers.conversations.clear()

    def undo_accept(self) -> None:
        del self.answers.questions["msg_2"]
        self.answers.pending.work.clear()

    def pending(self) -> bool:
        return "msg_2" in self.answers.pending.work

    def usage(self) -> tuple[int, int, int]:
        used = self.answers.session_usage.get("ses_1", {})
        return used.get("prompt_tokens", 0), used.get("completion_tokens", 0), used.get("messages", 0)

    def day(self) -> DayUsage:
        return self.answers.usage.day("user_1", "2026-01-01")


@pytest.fixture(params=["dynamodb", "memory"])
def world(request: pytest.FixtureRequest) -> Iterator[DynamoWorld | MemoryWorld]:
    """The adapter and its twin keep the same promises; and what a session spends, the person has used that day."""
    made = DynamoWorld(request.getfixturevalue("aws")) if request.param == "dynamodb" else MemoryWorld()
    yield made
    used = list(made.day())
    names = ("prompt_tokens", "completion_tokens", "messages")
    assert tuple(sum(getattr(one, name) for one in used) for name in names) == made.usage()


def finish(answers: Answers, **changes: Any) -> Saved:
    return answers.finish(MY, FinishedAnswer("All of it", 10, 3, "stop", **changes), "ses_1", NOW)


def test_answer_is_saved_with_its_tokens_and_the_promise_is_kept(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(MY, "hello")
    assert world.pending()
    assert world.answers.checkpoint(MY, PartialAnswer("All", 1), "ses_1")
    partial = world.answers.thread(MY, 10_000)
    assert (partial.partial, partial.partial_tokens, partial.is_final) == ("All", 1, False)
    assert finish(world.answers) is Saved.SAVED
    answer = world.answer(MY)
    assert answer and answer.status == "answered" and answer.content == "All of it"
    assert answer.usage == TokenUsage(prompt_tokens=10, completion_tokens=3) and answer.answered_at
    assert not world.pending()
    assert world.usage() == (10, 3, 1)
    assert world.answers.thread(MY, 10_000).is_final


def test_answer_that_is_final_is_never_changed(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(MY, "hello")
    assert finish(world.answers) is Saved.SAVED
    assert finish(world.answers) is Saved.DUPLICATE
    assert not world.answers.checkpoint(MY, PartialAnswer("late", 9), "ses_2")
    answer = world.answer(MY)
    assert answer and answer.content == "All of it" and world.usage() == (10, 3, 1)


def test_failed_answer_is_final_too(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(MY, "hello")
    assert finish(world.answers, error=AnswerError("context_length_exceeded", "Too long.")) is Saved.SAVED
    answer = world.answer(MY)
    assert answer and answer.status == "failed" and answer.error == AnswerError("context_length_exceeded", "Too long.")
    assert finish(world.answers) is Saved.DUPLICATE


def test_answer_to_a_deleted_conversation_is_not_saved(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(MY, "hello")
    world.answers.checkpoint(MY, PartialAnswer("All", 1), "ses_1")
    world.delete()
    assert world.answers.conversation(MY) is None
    assert finish(world.answers) is Saved.DELETED
    world.answers.drop(MY)
    assert world.answer(MY) is None and not world.pending() and world.usage() == (0, 0, 0)


def test_answer_to_a_withdrawn_question_is_not_saved(world: DynamoWorld | MemoryWorld) -> None:
    """It was queued although nobody heard of it, and the person was told that it was not kept."""
    world.ask(MY, "hello")
    world.undo_accept()
    assert finish(world.answers) is Saved.DELETED
    assert world.answer(MY) is None and world.usage() == (0, 0, 0)


def test_thread_ends_at_the_question_and_begins_where_the_room_ends(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(EARLIER, "first")
    world.answers.finish(EARLIER, FinishedAnswer("one"), "ses_1", NOW)
    world.ask(MY, "second")
    world.ask(MessageRef("msg_3", "conv_1", "user_1"), "a later question")
    thread = world.answers.thread(MY, 10_000)
    assert thread.question and thread.question.content == "second"
    assert thread.question.options.temperature == 0.5
    assert [(e.question, e.answer) for e in thread.earlier] == [("first", "one")]
    assert world.answers.thread(MY, 7).earlier == ()


def test_engines_that_died_under_an_answer_are_counted(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(MY, "hello")
    for _ in range(2):
        world.answers.checkpoint(MY, PartialAnswer("", 0, engine_failures=1), "ses_1")
    answer = world.answers.thread(MY, 10_000).answer
    assert answer and answer.engine_failures == 2


def test_handed_back_answer_is_counted_once_by_the_session_that_worked_on_it(
    world: DynamoWorld | MemoryWorld,
) -> None:
    world.ask(MY, "hello")
    first = PartialAnswer("All of", 5, spent=5)
    assert world.answers.hand_back(MY, first, "ses_1")
    assert not world.answers.hand_back(MY, first, "ses_1"), "the reply was lost, and it is sent again"
    thread = world.answers.thread(MY, 10_000)
    assert (thread.partial, thread.partial_tokens, thread.counted_tokens) == ("All of", 5, 5)
    assert thread.uncounted_by("ses_1") == 0
    assert world.usage() == (0, 5, 0)
    assert world.answers.hand_back(MY, PartialAnswer("All of it and", 7, spent=2, counted=5), "ses_1")
    assert finish(world.answers, earlier_tokens=7) is Saved.SAVED
    assert world.usage() == (10, 7 + 3, 1)
    answer = world.answer(MY)
    assert answer and answer.usage and answer.usage.completion_tokens == 10 and not answer.counted_tokens
    assert not world.answers.hand_back(MY, PartialAnswer("late", 9, spent=9), "ses_1")
    assert world.usage() == (10, 10, 1)


def test_tokens_of_a_worker_that_was_killed_are_counted_by_the_one_after_it(world: DynamoWorld | MemoryWorld) -> None:
    world.ask(MY, "hello")
    world.answers.checkpoint(MY, PartialAnswer("All", 4), "ses_1")
    thread = world.answers.thread(MY, 10_000)
    assert (thread.uncounted_by("ses_1"), thread.uncounted_by("ses_2")) == (4, 0)
    assert finish(world.answers, earlier_tokens=4, uncounted_tokens=4) is Saved.SAVED
    assert world.usage() == (10, 7, 1)


def test_saved_answer_is_what_the_api_shows(aws: Any) -> None:
    world = DynamoWorld(aws)
    world.ask(MY, "hello")
    finish(world.answers, earlier_tokens=4)
    shown = public_messages(messages_from_items(world.items.query(keys.messages_partition("conv_1"))))[1]
    assert shown["status"] == "answered" and shown["session_id"] == "ses_1" and shown["finish_reason"] == "stop"
    assert shown["usage"] == {"prompt_tokens": 10, "completion_tokens": 7}
    assert world.usage() == (10, 3, 1), "the session is charged only for what it spent itself"


def test_answers_that_end_together_do_not_fail_each_other(aws: Any) -> None:
    world = DynamoWorld(aws)
    world.ask(MY, "hello")
    real, collisions = world.items.client.transact_write_items, [3]

    def collide(**request: Any) -> Any:
        if collisions[0]:
            collisions[0] -= 1
            reasons = [{"Code": "None"}] * 3 + [{"Code": "TransactionConflict"}]
            response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(response, "TransactWriteItems")
        return real(**request)

    world.items.client.transact_write_items = collide
    assert finish(world.answers) is Saved.SAVED and world.usage() == (10, 3, 1)


def test_other_failures_of_the_save_are_raised(aws: Any) -> None:
    world = DynamoWorld(aws)
    world.items.name = "another-table"
    with pytest.raises(ClientError):
        finish(world.answers)
    with pytest.raises(ClientError):
        world.answers.checkpoint(MY, PartialAnswer("", 0), "ses_1")
