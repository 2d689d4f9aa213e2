"""The end of a message that nobody came to answer on Bedrock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws.push import Push
from foreverus.backends.port import BackendName
from foreverus.conversations.bedrock.ends import NOTHING, CallAccount, MessageEnds
from foreverus.conversations.bedrock.takeover import TakeOver, Why
from foreverus.conversations.frames import show_answer
from foreverus.conversations.measuring import measure
from foreverus.conversations.records import Answer, AnswerError, BedrockCharge, FinishedAnswer, MessageRef, Saved
from foreverus.conversations.store import ConversationStore
from foreverus.costs.prices import TokenPrice
from foreverus.metrics import SILENT, Metrics
from foreverus.sessions.pending import PendingMessage


@dataclass(frozen=True, kw_only=True)
class LostMessages:
    store: ConversationStore
    ends: MessageEnds
    takeover: TakeOver
    push: Push
    price: TokenPrice
    clock: Callable[[], datetime]
    metrics: Metrics = SILENT

    def give_up(self, waiting: PendingMessage) -> None:
        """To the GPU where it may, else it ends in an error."""
        message = MessageRef.of(waiting)
        spent = self._spent(self.store.answer(message)) or NOTHING
        if error := self.takeover.to_gpu(waiting, Why.LOST, spent, CallAccount.of(message, self.clock())):
            self.reject(waiting, error)

    def _spent(self, begun: Answer | None) -> BedrockCharge | None:
        return begun.begun_on_bedrock(self.price) if begun else None

    def reject(self, waiting: PendingMessage, error: AnswerError) -> None:
        """It ends in that error, with what there is of its answer."""
        message, now = MessageRef.of(waiting), self.clock()
        account = CallAccount.of(message, now)
        question, partial = self.store.question(message), self.store.answer(message)
        finished = FinishedAnswer(
            partial.content if partial else "",
            completion_tokens=partial.partial_tokens if partial else 0,
            error=error,
            charge=self._spent(partial) if waiting.backend is BackendName.BEDROCK else None,  # else it moved with it
            choice=question.choice if question else None,
            sources=partial.sources if partial else None,
        )
        saved = self.ends.finish(waiting, finished, account, now)
        if saved is Saved.SAVED and question:
            show_answer(self.push, question, finished.record(message, "", now))
            measure(self.metrics, question, finished, now, by=waiting.backend)
        elif saved is not Saved.MOVED:
            self.ends.forget(message, account)
