"""Conversations in memory: the twin of `DynamoAnswers` for tests."""

from collections import deque
from datetime import UTC, datetime
from typing import Any

from foreverus.aws import keys
from foreverus.conversations.answers import Answer, Bill, Partial, Request, Saved
from foreverus.conversations.model import FINAL, new_question
from foreverus.conversations.prompt import Thread, read_thread
from foreverus.sessions.pending import MemoryPendingWork, PendingMessage

Item = dict[str, Any]


class MemoryAnswers:
    """Twin of `DynamoAnswers`; `session_usage` is what it would have added to session records."""

    def __init__(self) -> None:
        self.conversations: dict[str, Item] = {}
        self.messages: dict[str, dict[str, Item]] = {}
        self.pending = MemoryPendingWork()
        self.session_usage: dict[str, dict[str, int]] = {}
        self.session_usd: dict[str, float] = {}  # of Bedrock
        self.checkpoints = 0
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next call raises `error` and changes nothing."""
        self._failures.append(error)

    def ask(self, content: str, conversation_id: str = "conv_1", message_id: str = "msg_1", **options: Any) -> Request:
        """What `POST …/messages` does: keeps a question, which waits for its answer."""
        request = Request(message_id, conversation_id, "user_1")
        self.conversations.setdefault(conversation_id, {"conversation_id": conversation_id, "system": "Be brief."})
        now = datetime(2026, 1, 1, tzinfo=UTC)
        question = new_question(conversation_id, message_id, request.user_id, content, options, now)
        self.messages.setdefault(conversation_id, {})[question["sk"]] = question
        names = ("message_id", "conversation_id", "user_id", "created_at")
        self.pending.add(PendingMessage(**{name: question[name] for name in names}))
        return request

    def delete_conversation(self, conversation_id: str) -> None:
        self.conversations.pop(conversation_id, None)
        for item in self.messages.pop(conversation_id, {}).values():
            self.pending.remove(item["message_id"])

    def answer(self, request: Request) -> Item | None:
        return self._items(request).get(self._answer_sk(request))

    def conversation(self, request: Request) -> Item | None:
        self._raise()
        return self.conversations.get(request.conversation_id)

    def thread(self, request: Request, most_bytes: int) -> Thread:
        self._raise()
        items = self._items(request)
        newest_first = [items[sk] for sk in sorted(items, reverse=True) if sk <= self._answer_sk(request)]
        return read_thread(newest_first, request.message_id, most_bytes)

    def checkpoint(self, request: Request, text: str, tokens: int, session_id: str, engine_failures: int = 0) -> bool:
        self._raise()
        answer = self.answer(request) or {}
        if answer.get("status") in FINAL:
            return False
        failures = answer.get("engine_failures", 0) + engine_failures
        self._put(request, {"content": text, "status": "answering", "session_id": session_id})
        self._put(request, {"partial_tokens": tokens, "engine_failures": failures})
        self.checkpoints += 1
        return True

    def hand_back(self, request: Request, partial: Partial, session_id: str) -> bool:
        before = self.answer(request) or {}
        if partial.spent and before.get("counted_tokens", 0) != partial.counted:
            return False
        if not self.checkpoint(request, partial.text, partial.tokens, session_id, partial.engine_failures):
            return False
        if partial.spent:
            self._put(request, {"counted_tokens": partial.tokens})
            self._used(session_id)["completion_tokens"] += partial.spent
        return True

    def finish(self, request: Request, answer: Answer, session_id: str, now: datetime) -> Saved:
        self._raise()
        if (self.answer(request) or {}).get("status") in FINAL:
            return Saved.DUPLICATE
        question = keys.question_key(request.conversation_id, request.message_id)["sk"]
        if request.conversation_id not in self.conversations or question not in self._items(request):
            return Saved.DELETED
        self._put(request, answer.attributes(session_id, now))
        for name in ("partial_tokens", "counted_tokens", "engine_failures"):
            self._items(request)[self._answer_sk(request)].pop(name, None)
        self.pending.remove(request.message_id)
        used = self._used(session_id)
        used["prompt_tokens"] += answer.prompt_tokens
        used["completion_tokens"] += answer.completion_tokens + answer.uncounted_tokens
        used["messages"] += 1
        if answer.bill:
            self._billed(session_id, answer.bill)
        return Saved.SAVED

    def charge(self, session_id: str, bill: Bill) -> None:
        self._raise()
        used = self._used(session_id)
        used["prompt_tokens"] += bill.prompt_tokens
        used["completion_tokens"] += bill.completion_tokens
        self._billed(session_id, bill)

    def _billed(self, session_id: str, bill: Bill) -> None:
        self.session_usd[session_id] = self.session_usd.get(session_id, 0.0) + bill.usd

    def _used(self, session_id: str) -> dict[str, int]:
        nothing = {"prompt_tokens": 0, "completion_tokens": 0, "messages": 0}
        return self.session_usage.setdefault(session_id, nothing)

    def drop(self, request: Request) -> None:
        self._raise()
        self._items(request).pop(self._answer_sk(request), None)
        self.pending.remove(request.message_id)

    def _items(self, request: Request) -> dict[str, Item]:
        return self.messages.setdefault(request.conversation_id, {})

    def _answer_sk(self, request: Request) -> str:
        return keys.answer_key(request.conversation_id, request.message_id)["sk"]

    def _put(self, request: Request, values: Item) -> None:
        identity = {"message_id": request.message_id, "conversation_id": request.conversation_id}
        sk = self._answer_sk(request)
        items = self._items(request)
        items[sk] = {**items.get(sk, {"sk": sk}), **identity, **values}

    def _raise(self) -> None:
        if self._failures:
            raise self._failures.popleft()
