"""The end of a message that nobody came to answer on Bedrock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws.push import Push
from foreverus.conversations.bedrock.ends import NOTHING, CallAccount, MessageEnds
from foreverus.conversations.bedrock.takeover import TakeOver, Why
from foreverus.conversations.frames import show_answer
from foreverus.conversations.records import AnswerError, FinishedAnswer, MessageRef, Saved
from foreverus.conversations.store import ConversationStore
from foreverus.sessions.pending import PendingMessage


@dataclass(frozen=True, kw_only=True)
class LostMessages:
    store: ConversationStore
    ends: MessageEnds
    takeover: TakeOver
    push: Push
    clock: Callable[[], datetime]

    def give_up(self, waiting: PendingMessage) -> None:
        """To the GPU where it may, else it ends in an error."""
        account = CallAccount.of(MessageRef.of(waiting), self.clock())
        if error := self.takeover.to_gpu(waiting, Why.LOST, NOTHING, account):
            self.reject(waiting, error)

    def reject(self, waiting: PendingMessage, error: AnswerError) -> None:
        """It ends in that error, with what there is of its answer."""
        message, now = MessageRef.of(waiting), self.clock()
        account = CallAccount.of(message, now)
        question, partial = self.store.question(message), self.store.answer(message)
        finished = FinishedAnswer(
            partial.content if partial else "", error=error, choice=question.choice if question else None
        )
        saved = self.ends.finish(waiting, finished, account, now)
        if saved is Saved.SAVED and question:
            show_answer(self.push, question, finished.record(message, "", now))
        elif saved is not Saved.MOVED:
            self.ends.forget(message, account)
