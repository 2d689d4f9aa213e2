"""Conversations in memory: the twin of `DynamoAnswers` for tests."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from foreverus import ids
from foreverus.conversations.prompt import Thread, read_thread
from foreverus.conversations.records import (
    STOPPED,
    Answer,
    AnswerOptions,
    AnswerStatus,
    Conversation,
    FinishedAnswer,
    MessageRef,
    PartialAnswer,
    Question,
    Saved,
    Title,
)
from foreverus.conversations.remembered.records import Memory
from foreverus.costs.usage.store import MemoryUsage
from foreverus.sessions.pending import MemoryPendingWork, PendingMessage


class MemoryAnswers:
    """Twin of `DynamoAnswers`; `session_usage` is what it would have added to session records."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock  # says on which day something was used
        self.conversations: dict[str, Conversation] = {}
        self.questions: dict[str, Question] = {}  # by message id, as the answers are
        self.answers: dict[str, Answer] = {}
        self.titles: dict[str, str] = {}  # that the model gave, by conversation
        self.remembered: dict[str, list[Memory]] = {}  # by person
        self.pending = MemoryPendingWork()
        self.session_usage: dict[str, dict[str, int]] = {}
        self.usage = MemoryUsage()
        self.checkpoints = 0
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next call raises `error` and changes nothing."""
        self._failures.append(error)

    def ask(
        self,
        content: str,
        conversation_id: str = "conv_1",
        message_id: str = "msg_1",
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        title: str = "A talk",
    ) -> MessageRef:
        """What `POST …/messages` does: keeps a question, which waits for its answer."""
        user_id, created_at = "user_1", ids.timestamp(datetime(2026, 1, 1, tzinfo=UTC))
        self.conversations.setdefault(
            conversation_id,
            Conversation(conversation_id=conversation_id, user_id=user_id, title=title, system="Be brief."),
        )
        question = Question(
            message_id=message_id,
            conversation_id=conversation_id,
            user_id=user_id,
            content=content,
            created_at=created_at,
            options=AnswerOptions(max_tokens=max_tokens, temperature=temperature),
        )
        self.questions[message_id] = question
        waiting = PendingMessage(
            message_id=message_id, conversation_id=conversation_id, user_id=user_id, created_at=created_at
        )
        self.pending.add(waiting)
        return question.ref

    def delete_conversation(self, conversation_id: str) -> None:
        self.conversations.pop(conversation_id, None)
        for message_id in [one.message_id for one in self.questions.values() if one.conversation_id == conversation_id]:
            del self.questions[message_id]
            self.answers.pop(message_id, None)
            self.pending.remove(message_id)

    def request_stop(self, message: MessageRef) -> bool:
        found = self.answers.get(message.message_id)
        if found is None or found.status.is_final or message.message_id not in self.questions:
            return False
        self.answers[message.message_id] = replace(found, stop_requested=True)
        return True

    def end_unbegun(self, message: MessageRef, now: datetime) -> Saved:
        if message.message_id in self.answers:
            return Saved.DUPLICATE
        if message.conversation_id not in self.conversations or message.message_id not in self.questions:
            return Saved.DELETED
        stopped = FinishedAnswer("", finish_reason=STOPPED)
        self.answers[message.message_id] = stopped.record(message, "", now)
        self.pending.forget(message.message_id)
        return Saved.SAVED

    def answer(self, message: MessageRef) -> Answer | None:
        return self.answers.get(message.message_id)

    def conversation(self, message: MessageRef) -> Conversation | None:
        self._raise()
        return self.conversations.get(message.conversation_id)

    def memories(self, message: MessageRef) -> list[Memory]:
        return self.remembered.get(message.user_id, [])

    def thread(self, message: MessageRef, most_bytes: int) -> Thread:
        self._raise()
        found: list[Question | Answer] = []
        for message_id in sorted(self.questions.keys() | self.answers.keys(), reverse=True):
            parts = self.answers.get(message_id), self.questions.get(message_id)
            if message_id <= message.message_id:
                found += [one for one in parts if one and one.conversation_id == message.conversation_id]
        return read_thread(found, message.message_id, most_bytes)

    def is_with_bedrock(self, message: MessageRef) -> bool:
        self._raise()
        return any(one.message_id == message.message_id for one in self.pending.on_bedrock())

    def checkpoint(self, message: MessageRef, partial: PartialAnswer, session_id: str) -> bool:
        self._raise()
        before = self._begun(message)
        if before.status.is_final or before.stop_requested or message.message_id not in self.questions:
            return False
        self.answers[message.message_id] = replace(
            before,
            content=partial.text,
            session_id=session_id,
            partial_tokens=partial.tokens,
            partial_prompt_tokens=partial.prompt_tokens or before.partial_prompt_tokens,
            engine_failures=before.engine_failures + partial.engine_failures,
            sources=partial.sources or before.sources,
        )
        self.checkpoints += 1
        return True

    def hand_back(self, message: MessageRef, partial: PartialAnswer, session_id: str) -> bool:
        if partial.spent and self._begun(message).counted_tokens != partial.counted:
            return False
        if not self.checkpoint(message, partial, session_id):
            return False
        if partial.spent:
            kept = self.answers[message.message_id]
            self.answers[message.message_id] = replace(kept, counted_tokens=partial.tokens)
            self._used(session_id)["completion_tokens"] += partial.spent
            self.usage.add(message.user_id, self.clock(), partial.used)
        return True

    def finish(self, message: MessageRef, finished: FinishedAnswer, session_id: str, now: datetime) -> Saved:
        self._raise()
        if self._begun(message).status.is_final:
            return Saved.DUPLICATE
        if message.conversation_id not in self.conversations or message.message_id not in self.questions:
            return Saved.DELETED
        self.answers[message.message_id] = finished.record(message, session_id, now)
        self.pending.remove(message.message_id)
        used = self._used(session_id)
        used["prompt_tokens"] += finished.prompt_tokens
        used["completion_tokens"] += finished.completion_tokens + finished.uncounted_tokens
        used["messages"] += 1
        self.usage.add(message.user_id, now, finished.used)
        return Saved.SAVED

    def is_untitled(self, message: MessageRef) -> bool:
        found = self.conversations.get(message.conversation_id)
        return found is not None and not found.title and message.conversation_id not in self.titles

    def entitle(self, message: MessageRef, title: Title, session_id: str, now: datetime) -> bool:
        self._raise()
        is_kept = bool(title.text) and message.conversation_id in self.conversations.keys() - self.titles.keys()
        if is_kept:
            self.titles[message.conversation_id] = title.text
        used = self._used(session_id)
        used["prompt_tokens"] += title.prompt_tokens
        used["completion_tokens"] += title.completion_tokens
        self.usage.add(message.user_id, now, title.used)
        return is_kept

    def drop(self, message: MessageRef) -> None:
        self._raise()
        self.answers.pop(message.message_id, None)
        self.pending.remove(message.message_id)

    def _begun(self, message: MessageRef) -> Answer:
        begun = Answer(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            status=AnswerStatus.ANSWERING,
        )
        return self.answers.get(message.message_id, begun)

    def _used(self, session_id: str) -> dict[str, int]:
        nothing = {"prompt_tokens": 0, "completion_tokens": 0, "messages": 0}
        return self.session_usage.setdefault(session_id, nothing)

    def _raise(self) -> None:
        if self._failures:
            raise self._failures.popleft()
