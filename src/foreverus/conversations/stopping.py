"""Stopping an answer: what is there of it stays, and is its end.

One that nobody has begun is ended here. One that is in work is ended by whoever has it in hand, who reads of it in the
session's record (a GPU's worker, each second) or when it keeps what it has (Bedrock's function). The wish stands on the
answer too: whoever gets a message whose worker was lost ends it, and asks no model.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from foreverus.api.responses import Body
from foreverus.aws.push import Push
from foreverus.conversations.answers import Answers
from foreverus.conversations.frames import show_answer
from foreverus.conversations.prompt import Thread
from foreverus.conversations.records import STOPPED, Answer, FinishedAnswer, MessageRef, Question, Saved
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.views import public_answer
from foreverus.errors import Conflict, NotAccepted, NotFound
from foreverus.sessions.records import Session, SessionStatus
from foreverus.text import quoted

logger = logging.getLogger(__name__)

TRIES = 4  # each is one thing that happened to the answer meanwhile: begun, handed back, begun again, ended
IN_WORK = (SessionStatus.SERVING, SessionStatus.DRAINING)


class StoppingSessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def request_stop(self, session_id: str, work_id: str) -> bool: ...


class BedrockCalls(Protocol):
    def call(self, message: MessageRef) -> None:
        """Calls the function that answers on Bedrock, for the message's conversation, and does not wait for it."""


@dataclass(frozen=True)
class MessageStops:
    store: ConversationStore
    answers: Answers
    sessions: StoppingSessions
    bedrock: BedrockCalls
    push: Callable[[], Push]
    clock: Callable[[], datetime]

    def stop(self, user_id: str, conversation_id: str, message_id: str) -> tuple[Body, bool]:
        """The answer, and whether it is over; else it is within a second or so. `message_id`: the question's or the
        answer's. Stopping once more is the same again. Raises NotFound, and Conflict for an answer that was over."""
        self.store.get(user_id, conversation_id)
        message = MessageRef(question_id(message_id), conversation_id, user_id)
        question = self.store.question(message)
        if question is None:
            raise no_message(message_id)
        for _ in range(TRIES):
            answer = self.store.answer(message)
            if answer and answer.status.is_final:
                return self._over(question, answer), True
            if ended := self._end(question, answer):
                show_answer(self.push(), question, ended)
                return public_answer(question, ended), True
            if answer and self.answers.request_stop(message) and self._tell(answer, message):
                return public_answer(question, replace(answer, stop_requested=True)), False
        raise NotAccepted("The answer changes hands just now. Stop it again in a second.")

    def _over(self, question: Question, answer: Answer) -> Body:
        if answer.finish_reason != STOPPED:
            message = "This answer is over: there is nothing to stop."
            raise Conflict(message, param="message_id", code="answer_is_over")
        return public_answer(question, answer)

    def _end(self, question: Question, answer: Answer | None) -> Answer | None:
        """The end of an answer that nobody has in hand; None where somebody has it, or took it meanwhile."""
        thread, message, now = Thread(question, answer, ()), question.ref, self.clock()
        if answer is None:
            finished, saved = FinishedAnswer("", finish_reason=STOPPED), self.answers.end_unbegun(message, now)
        elif self._in_hand(answer):
            return None
        else:
            finished = thread.stopped(answer.session_id)
            saved = self.answers.finish(message, finished, answer.session_id, now)
        if saved is Saved.DELETED:
            raise no_message(message.message_id)
        return finished.record(message, answer.session_id if answer else "", now) if saved is Saved.SAVED else None

    def _in_hand(self, answer: Answer) -> bool:
        """Bedrock's function, or a GPU that serves. A worker that has begun a moment before its session is said to
        serve finds its answer ended, and stops too."""
        session = self.sessions.get(answer.session_id) if answer.session_id else None
        return not answer.session_id or (session is not None and session.status in IN_WORK)

    def _tell(self, answer: Answer, message: MessageRef) -> bool:
        if answer.session_id:
            return self.sessions.request_stop(answer.session_id, message.message_id)
        try:
            self.bedrock.call(message)  # the function that has it in hand sees it by itself: for one that was killed
        except Exception:  # the sweep calls too
            logger.warning("nobody could be called for %s", message.message_id, exc_info=True)
        return True


def question_id(message_id: str) -> str:
    """
    >>> question_id("ans_01"), question_id("msg_01"), question_id("conv_01")
    ('msg_01', 'msg_01', 'conv_01')
    """
    return "msg_" + message_id[4:] if message_id.startswith("ans_") else message_id


def no_message(message_id: str, param: str = "message_id") -> NotFound:
    return NotFound(
        f"There is no message {quoted(message_id)} in this conversation.", param=param, code="message_not_found"
    )
