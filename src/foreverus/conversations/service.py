"""What people do with conversations. Accepting a message: keep it, queue it, see that a session will answer it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.api import schemas
from foreverus.api.listing import fitting, read_listing
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.backends.tokens import cannot_fit, least_tokens
from foreverus.conversations.queue import MessageQueue
from foreverus.conversations.records import AnswerOptions, Conversation, MessageRef, Question
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.views import public_answer, public_conversation, public_exchanges, public_question
from foreverus.errors import InvalidRequest, NotAccepted, SpendCapReached
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.limits.person import PersonLimits, counted
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.views import public_session
from foreverus.text import quoted

logger = logging.getLogger(__name__)

# Of UTF-8. An item of the table has 400 KB at most, and the largest context holds more than that of some texts.
MOST_QUESTION_BYTES = 300_000
DEFAULT_MESSAGES = 100  # of a list: fifty questions and their answers
MOST_SYSTEM_TOKENS = 2000  # by the same count: a conversation's own words have 4,000 characters at most


@dataclass(frozen=True)
class ConversationService:
    store: ConversationStore
    queue: MessageQueue
    sessions: SessionStarter
    context_tokens: int
    once: Once
    limits: PersonLimits
    clock: Callable[[], datetime]
    retention_days: int = 0

    def create(
        self,
        user_id: str,
        title: str = "",
        system: str = "",
        attempt: RequestAttempt = NOT_REPEATED,
    ) -> Body:
        """A new conversation, or the one that an earlier try of the same request made. Raises Conflict."""
        asked = CreateRequest(user_id, "conversations", fingerprint({"title": title, "system": system}), attempt)
        with self.once(asked, "conv") as claim:
            now = ids.timestamp(self.clock())
            conversation = Conversation(
                conversation_id=claim.id,
                user_id=user_id,
                title=title,
                system=system,
                created_at=now,
                updated_at=now,
            )
            return self._show(self.store.create(conversation))

    def list_conversations(self, user_id: str, query: dict[str, str]) -> Body:
        found = read_listing(lambda limit, after: self.store.newest(user_id, limit, after), query, "conv")
        return found.body(self._show)

    def get(self, user_id: str, conversation_id: str) -> Body:
        return self._show(self.store.get(user_id, conversation_id))

    def _show(self, conversation: Conversation) -> Body:
        return public_conversation(conversation, self.retention_days)

    def delete(self, user_id: str, conversation_id: str) -> Body:
        self.store.delete(user_id, conversation_id, self.clock())
        return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}

    def messages(self, user_id: str, conversation_id: str, query: Mapping[str, str]) -> Body:
        """A part of them, oldest first (`order=desc`: newest first), behind the message `after`: so many as are asked
        for and fit one answer. Raises InvalidRequest and NotFound."""
        schemas.check("messages_query", dict(query))
        self.store.get(user_id, conversation_id)
        after, newest_first = query.get("after", ""), query.get("order") == "desc"
        from_message = "msg_" + after.partition("_")[2] if after else ""
        whose = MessageRef(from_message, conversation_id, user_id)
        if after and (after[:4] not in ("msg_", "ans_") or self.store.question(whose) is None):
            message = f"There is no message {quoted(after)} in this conversation: take the id of one that was listed."
            raise InvalidRequest(message, param="after", code="invalid_field")
        limit = int(query.get("limit", DEFAULT_MESSAGES))
        found = self.store.messages(
            conversation_id, from_message=from_message, newest_first=newest_first, page=limit + 2
        )
        listed = fitting(public_exchanges(found, newest_first=newest_first, after=after), limit)
        return listed.body(lambda shown: shown)

    def post(
        self,
        user_id: str,
        conversation_id: str,
        request: Mapping[str, Any],
        attempt: RequestAttempt = NOT_REPEATED,
    ) -> Body:
        """Accepts one message: `{message, answer, session}`; session is None when one is just ending (`close_session`
        then starts its successor, because the request is pending).

        An earlier try of the same request made the same message. Raises InvalidRequest, NotFound, Conflict (a key that
        came with another message), SpendCapReached (no GPU may be bought for it), LimitReached, or NotAccepted: nothing
        was kept.
        """
        asked = CreateRequest(user_id, conversation_id, fingerprint(request), attempt)
        with self.once(asked, "msg") as claim:
            ref = MessageRef(claim.id, conversation_id, user_id)
            # What was accepted before the cap was reached stays accepted.
            question = (None if claim.is_first else self.store.question(ref)) or self._accept(ref, request)
        session = self._see_that_it_is_answered(user_id)
        return {
            "message": public_question(question),
            "answer": public_answer(question, None),
            "session": public_session(session) if session else None,
        }

    def _accept(self, ref: MessageRef, request: Mapping[str, Any]) -> Question:
        """A new question."""
        self.sessions.check_cap()
        self._check_size(ref, request["content"])
        question = self._question(ref, request)
        limits, user_id = self.limits, ref.user_id
        if not counted(
            lambda: limits.message(user_id), lambda place: self.store.accept(question, place)
        ):  # another try of the same request is a moment ahead
            return self.store.question(ref) or question
        try:
            self.queue.send(question)
        except Exception as err:
            if self.store.undo_accept(question.ref):
                raise NotAccepted("The message could not be queued and was not kept. Send it again.") from err
            logger.warning("%s is answered, although its sending failed", question.message_id, exc_info=True)
        return question

    def _question(self, ref: MessageRef, request: Mapping[str, Any]) -> Question:
        return Question(
            message_id=ref.message_id,
            conversation_id=ref.conversation_id,
            user_id=ref.user_id,
            content=request["content"],
            created_at=ids.timestamp(self.clock()),
            options=AnswerOptions(max_tokens=request.get("max_tokens"), temperature=request.get("temperature")),
        )

    def _see_that_it_is_answered(self, user_id: str) -> Session | None:
        try:
            return self.sessions.start(user_id, Trigger.MESSAGE)[0]
        except (NotAccepted, SpendCapReached):  # the cap was reached just now: the sweep ends it in that error
            return None

    def _check_size(self, ref: MessageRef, content: str) -> None:
        """What cannot fit is refused before it is kept. What only the engine's count tells, the engine refuses."""
        if (size := len(content.encode())) > MOST_QUESTION_BYTES:
            message = f"The message has {size:,} bytes, the most is {MOST_QUESTION_BYTES:,}. Shorten it."
            raise InvalidRequest(message, param="content", code="context_length_exceeded")
        texts, room = [content], self.context_tokens - MOST_SYSTEM_TOKENS
        if len(content) >= room and least_tokens(content) >= room:
            texts.append(self.store.get(ref.user_id, ref.conversation_id).system)
        if least := cannot_fit(texts, self.context_tokens):
            holds = f"the model's context holds {self.context_tokens:,}, with the answer"
            raise InvalidRequest(
                f"The message has at least {least:,} tokens; {holds}. Shorten it.",
                param="content",
                code="context_length_exceeded",
            )
