"""Bedrock cannot answer a message: it goes to the GPU where it may and one may be bought, else it ends in one error."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from foreverus.backends.port import BackendName
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.queue import MessageQueue
from foreverus.conversations.records import AnswerError, BedrockCharge
from foreverus.errors import SpendCapReached
from foreverus.sessions.pending import PendingMessage
from foreverus.sessions.records import Trigger
from foreverus.sessions.start import SessionStarter

logger = logging.getLogger(__name__)


class Why(StrEnum):
    """Why Bedrock does not answer; the code of the error that a message ends in which may not go to the GPU."""

    THROTTLED = "bedrock_throttled"
    UNAVAILABLE = "bedrock_unavailable"  # no access, no such model here
    FAILING = "bedrock_failed"  # each try broke off, or took its function with it
    LOST = "bedrock_not_called"  # its function could not be called, or never began
    UNSUPPORTED = "unsupported_parameter"
    BEFORE = "message_before_moved"  # an earlier one of the conversation went to the GPU
    CAP = "SpendCapReached"


SENTENCES = {
    Why.THROTTLED: "Bedrock took no more requests for too long: this account's quota for the model is used up. Try "
    "again in a minute",
    Why.UNAVAILABLE: "Bedrock does not let this stack ask its model just now: an administrator finds out why with "
    "`foreverus doctor`",
    Why.FAILING: "Bedrock broke off each time that it was asked this. Try again",
    Why.LOST: "What asks Bedrock could not be started. Try again in a few minutes",
    Why.UNSUPPORTED: "Bedrock's model cannot do what this message asks for",
    Why.BEFORE: "The message before this one went to the GPU, and this one asks for Bedrock. Send it again",
    Why.CAP: "The month's spending cap leaves too little for this answer. Ask an administrator to raise "
    "`MonthlyCapUsd`, or wait until the first of the month (UTC)",
}
OR_THE_GPU = ", or send it with `backend: gpu`."
NO_GPU = ", and no GPU could be had either."


@dataclass(frozen=True, kw_only=True)
class TakeOver:
    ends: MessageEnds
    sessions: SessionStarter
    queue: MessageQueue
    clock: Callable[[], datetime]

    def to_gpu(
        self, waiting: PendingMessage, why: Why, spent: BedrockCharge, account: CallAccount
    ) -> AnswerError | None:
        """None: it waits for Bedrock no more. Else the error that it is to end in: it may not move, or no GPU may be
        bought for it. What a crash leaves between the move, the queue and the session, the sweep does.
        """
        if not waiting.may_move:
            return error_of(why, NO_GPU if waiting.moved_from is BackendName.GPU else OR_THE_GPU)
        try:
            self.sessions.check_cap()
        except SpendCapReached as err:
            if why is Why.CAP:
                return AnswerError(Why.CAP.value, str(err))
            return error_of(why, ", and the month's spending cap allows no GPU.")
        if self.ends.move(waiting, account, spent):
            logger.warning("%s goes to the GPU: %s", waiting.message_id, why.value)
            self.queue.send(waiting)
            self._start(waiting.user_id)
        return None

    def _start(self, user_id: str) -> None:
        try:
            self.sessions.start(user_id, Trigger.MESSAGE)
        except Exception:  # it waits for a GPU, and the sweep sees to it that one comes or the wait ends
            logger.warning("no session could be started for a message that Bedrock does not answer", exc_info=True)


def error_of(why: Why, instead: str) -> AnswerError:
    """
    >>> error_of(Why.FAILING, OR_THE_GPU).message
    'Bedrock broke off each time that it was asked this. Try again, or send it with `backend: gpu`.'
    """
    return AnswerError(why.value, SENTENCES[why] + instead)
