"""Requests that wait for a session that has failed end in one clear error: nothing buys GPUs in a loop."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws.push import Push
from foreverus.conversations.answers import Answer, Answers, Request, Saved
from foreverus.conversations.frames import show_answer
from foreverus.conversations.store import ConversationStore
from foreverus.sessions.advice import advice
from foreverus.sessions.closing import Successor
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.records import Session, Trigger

logger = logging.getLogger(__name__)

ENDS_ALL = ("SessionEndRequested", "SpendCapReached")  # off is off, and a cap is a cap, whatever else is live


def reason(code: str) -> str:
    """What the sender is told.

    >>> reason("NoGpuCapacity")[:47]
    'The GPU session failed. AWS has no such GPU fre'
    """
    if code == "SessionEndRequested":
        return "The GPU was switched off before this was answered. Send the message again to start a new session."
    if code == "SpendCapReached":
        return advice(code)
    return f"The GPU session failed. {advice(code) or 'Send the message again to try with a new one.'}"


@dataclass(frozen=True)
class WaitingRequests:
    store: ConversationStore
    pending: PendingWork
    answers: Answers
    push: Push
    clock: Callable[[], datetime]
    others: Callable[[str], list[Session]]  # the live sessions beside the one of that id that answer the same queue

    def reject_all(self, session_id: str, code: str, until: str = "") -> int:
        """Answers everything that waits (and was accepted not later than `until`) with the session's error; returns how
        many. Its SQS message is dropped by the next worker, which finds a final answer.

        A session that failed beside another live one leaves what waits to that one."""
        if code not in ENDS_ALL and self.others(session_id):
            return 0
        rejected = 0
        for message in self.pending.messages():
            if until and message.created_at > until:
                continue
            request = Request(message.message_id, message.conversation_id, message.user_id)
            question = self.store.question(request.conversation_id, request.message_id)
            partial = self.store.answer(request.conversation_id, request.message_id) or {}
            answer = Answer(content=partial.get("content", ""), error={"code": code, "message": reason(code)})
            saved = self.answers.finish(request, answer, session_id, self.clock())
            if saved is Saved.DELETED:
                self.answers.drop(request)
            if saved is Saved.SAVED and question:
                rejected += 1
                stored = self.store.answer(request.conversation_id, request.message_id)
                show_answer(self.push, question, stored or {})
        return rejected

    def successor(self, ended: Session) -> Successor | None:
        """Messages that came too late for the session `ended` get another one like it."""
        if not self.pending.any_message():
            return None
        return Successor(ended.owner or "unknown", Trigger.MESSAGE, ended.allow_on_demand)
