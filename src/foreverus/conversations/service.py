"""What people do with conversations. Accepting a message: keep it, queue it, see that a session will answer it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.api.paging import page
from foreverus.aws import keys
from foreverus.conversations.answers import Request
from foreverus.conversations.model import (
    new_conversation,
    new_question,
    public_answer,
    public_conversation,
    public_messages,
    public_question,
)
from foreverus.conversations.queue import MessageQueue
from foreverus.conversations.store import ConversationStore
from foreverus.errors import InvalidRequest, NotAccepted, SpendCapReached
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.views import public_session

Item = dict[str, Any]

logger = logging.getLogger(__name__)

# No tokenizer of the served models spends fewer tokens than one for eight bytes of running text: what is longer
# cannot fit and is refused before it is kept. What is shorter and still too long, the engine refuses.
MAX_BYTES_PER_CONTEXT_TOKEN = 8


@dataclass(frozen=True)
class ConversationService:
    store: ConversationStore
    queue: MessageQueue
    sessions: SessionStarter
    context_tokens: int
    clock: Callable[[], datetime]

    def create(self, user_id: str, title: str = "", system: str = "") -> Item:
        now = self.clock()
        conversation = new_conversation(ids.new_id("conv", now), user_id, title, system, now)
        self.store.create(conversation)
        return public_conversation(conversation)

    def page(self, user_id: str, query: dict[str, str]) -> Item:
        return page(lambda limit, after: self.store.newest(user_id, limit, after), public_conversation, query)

    def get(self, user_id: str, conversation_id: str) -> Item:
        return public_conversation(self.store.get(user_id, conversation_id))

    def delete(self, user_id: str, conversation_id: str) -> Item:
        self.store.delete(user_id, conversation_id)
        return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}

    def messages(self, user_id: str, conversation_id: str) -> Item:
        self.store.get(user_id, conversation_id)
        shown = public_messages(self.store.messages(conversation_id))
        return {"object": "list", "data": shown, "has_more": False}

    def post(self, user_id: str, conversation_id: str, request: Item, key: str = "") -> Item:
        """Accepts one message: `{message, answer, session}`; session is None when one is just ending (`close_session`
        then starts its successor, because the request is pending).

        `key` is the client's Idempotency-Key: the same key again is the same message. Raises InvalidRequest,
        NotFound, SpendCapReached (no GPU may be bought for it), or NotAccepted: nothing was kept.
        """
        repeat_key = keys.idempotency_key(user_id, conversation_id, key) if key else None
        self._check_cap(repeat_key)
        question = self._accept(user_id, conversation_id, request, repeat_key)
        session = self._see_that_it_is_answered(user_id)
        return {
            "message": public_question(question),
            "answer": public_answer(question, None),
            "session": public_session(session) if session else None,
        }

    def _check_cap(self, repeat_key: keys.Key | None) -> None:
        """A message that was accepted before the cap was reached stays accepted."""
        try:
            self.sessions.check_cap()
        except SpendCapReached:
            if not (repeat_key and self.store.was_accepted(repeat_key)):
                raise

    def _accept(self, user_id: str, conversation_id: str, request: Item, repeat_key: keys.Key | None) -> Item:
        content = request["content"]
        self._check_size(content)
        now = self.clock()
        options: Item = {name: request[name] for name in ("max_tokens", "temperature") if name in request}
        question = new_question(conversation_id, ids.new_id("msg", now), user_id, content, options, now)
        accepted = self.store.accept(question, now, repeat_key)
        if accepted != question["message_id"]:
            return self.store.question(conversation_id, accepted) or question
        try:
            self.queue.send(Request(question["message_id"], conversation_id, user_id))
        except Exception as err:
            if self.store.undo_accept(question, repeat_key):
                raise NotAccepted("The message could not be queued and was not kept. Send it again.") from err
            logger.warning("%s is answered, although its sending failed", question["message_id"], exc_info=True)
        return question

    def _see_that_it_is_answered(self, user_id: str) -> Session | None:
        try:
            return self.sessions.start(user_id, Trigger.MESSAGE)[0]
        except (NotAccepted, SpendCapReached):  # the cap was reached just now: the sweep ends it in that error
            return None

    def _check_size(self, content: str) -> None:
        size, most = len(content.encode()), self.context_tokens * MAX_BYTES_PER_CONTEXT_TOKEN
        if size > most:
            raise InvalidRequest(
                f"The message has {size} bytes; this model's context of {self.context_tokens} tokens holds fewer than "
                f"{most}. Shorten it.",
                param="content",
                code="context_length_exceeded",
            )
