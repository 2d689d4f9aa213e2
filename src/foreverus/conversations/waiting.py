"""Messages that wait for a session that has failed end in one clear error: nothing buys GPUs in a loop."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from foreverus.aws.push import Push
from foreverus.backends.port import BackendName
from foreverus.conversations.answers import Answers
from foreverus.conversations.frames import show_answer
from foreverus.conversations.measuring import measure
from foreverus.conversations.prompt import Thread
from foreverus.conversations.records import AnswerError, FinishedAnswer, MessageRef, Saved
from foreverus.conversations.store import ConversationStore
from foreverus.metrics import SILENT, Metrics
from foreverus.sessions.advice import advice
from foreverus.sessions.closing import Successor
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.records import Session, Trigger

logger = logging.getLogger(__name__)

ENDS_ALL = ("SessionEndRequested", "SpendCapReached")  # off is off, and a cap is a cap, whatever else is live


def reason(code: str, somebody_else: bool = False) -> str:
    """What the sender is told. `somebody_else`: of the team wanted it.

    >>> reason("NoGpuCapacity")[:47]
    'The GPU session failed. AWS has no such GPU fre'
    """
    if code == "SessionEndRequested" and somebody_else:
        return (
            "Somebody else of your team switched the GPU off before this was answered. Send the message again to start "
            "a new session."
        )
    if code == "SessionEndRequested":
        return "The GPU was switched off before this was answered. Send the message again to start a new session."
    if code == "SpendCapReached":
        return advice(code)
    return f"The GPU session failed. {advice(code) or 'Send the message again to try with a new one.'}"


@dataclass(frozen=True)
class WaitingMessages:
    store: ConversationStore
    pending: PendingWork
    answers: Answers
    push: Push
    clock: Callable[[], datetime]
    others: Callable[[str], list[Session]]  # the live sessions beside the one of that id that answer the same queue
    metrics: Metrics = SILENT

    def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
        """Answers everything that waits (and was accepted not later than `until`) with the session's error; returns how
        many. Its SQS message is dropped by the next worker, which finds a final answer.

        A GPU that somebody (`by`) has switched off is not bought again for the questions of others, unasked: who waits
        in front of a page decides better, and is told who has done it.

        A session that failed beside another live one leaves what waits to that one."""
        if code not in ENDS_ALL and self.others(session_id):
            return 0
        rejected = 0
        for waiting in self.pending.messages():
            if not until or waiting.created_at <= until:
                error = AnswerError(code, reason(code, bool(by) and waiting.user_id != by))
                rejected += self._reject(MessageRef.of(waiting), error, session_id)
        return rejected

    def _reject(self, message: MessageRef, error: AnswerError, session_id: str) -> bool:
        thread = Thread(self.store.question(message), self.store.answer(message), ())
        if thread.stop_requested:
            return self._end(message, thread, thread.stopped(session_id), session_id)
        return self._end(
            message, thread, FinishedAnswer(thread.partial, error=error, sources=thread.partial_sources), session_id
        )

    def _end(self, message: MessageRef, thread: Thread, finished: FinishedAnswer, session_id: str) -> bool:
        question, now = thread.question, self.clock()
        saved = self.answers.finish(message, finished, session_id, now)
        if saved is Saved.DELETED:
            self.answers.drop(message)
        if saved is not Saved.SAVED or question is None:
            return False
        show_answer(self.push, question, finished.record(message, session_id, now))
        measure(self.metrics, question, finished, now, by=BackendName.GPU)
        return True

    def successor(self, ended: Session) -> Successor | None:
        """Messages that came too late for the session `ended` get another one like it. One that somebody has stopped
        buys none: its GPU was lost before it could end it."""
        for message in map(MessageRef.of, self.pending.messages()):
            thread = Thread(None, self.store.answer(message), ())
            if thread.stop_requested:
                thread = replace(thread, question=self.store.question(message))
                self._end(message, thread, thread.stopped(ended.session_id), ended.session_id)
        if not self.pending.any_message():
            return None
        return Successor(ended.owner or "unknown", Trigger.MESSAGE, ended.allow_on_demand)
