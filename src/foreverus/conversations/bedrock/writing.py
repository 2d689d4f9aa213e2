"""Answers one message on Bedrock: reads what is asked, streams the answer out, keeps what there is, saves it once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from foreverus import ids
from foreverus.aws.push import Push
from foreverus.choice.refusals import THROTTLED_S, UNAVAILABLE_S, BedrockRefusals
from foreverus.concurrency import Background, RunBlocking, first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.conversations.bedrock.asking import Asking, BedrockAsker, GiveUp, NoTimeLeft
from foreverus.conversations.bedrock.ends import NOTHING, CallAccount, MessageEnds
from foreverus.conversations.bedrock.takeover import TakeOver, Why
from foreverus.conversations.frames import message_frame
from foreverus.conversations.prompt import most_history_bytes
from foreverus.conversations.records import (
    STOPPED,
    BedrockCharge,
    FinishedAnswer,
    MessageRef,
    PartialAnswer,
    Question,
    Saved,
)
from foreverus.conversations.streaming.live import LiveAnswer, PostLimit
from foreverus.sessions.pending import PendingMessage, PendingWork

log = logging.getLogger(__name__)

CHECKPOINT_S = 0.5
LAST_CHECKPOINT_S = 3.0  # for one that is on its way when the answer has its end
MOST_BEGUN = 3  # calls of the function that took a message in hand and did not end it: it may be the message
SAVE_TRIES = 4
SAVE_RETRY_S = 0.5
REFUSED_S = {Why.THROTTLED: THROTTLED_S, Why.UNAVAILABLE: UNAVAILABLE_S}  # so long nobody else is sent to Bedrock


class Written(Enum):
    ENDED = "ended"  # it waits for nobody any more
    MOVED = "moved"  # to the GPU, and what comes after it in its conversation goes there too
    NO_TIME = "no_time"  # for the next call of the function


@dataclass
class _Work:
    waiting: PendingMessage
    question: Question
    asking: Asking

    @property
    def message(self) -> MessageRef:
        return self.question.ref

    @property
    def live(self) -> LiveAnswer:
        return self.asking.live


@dataclass(frozen=True, kw_only=True)
class AnswerWriter:
    answers: Answers
    pending: PendingWork
    ends: MessageEnds
    asker: BedrockAsker
    takeover: TakeOver
    refusals: BedrockRefusals
    push: Push
    clock: Callable[[], datetime]
    run_blocking: RunBlocking
    posts: PostLimit = field(default_factory=PostLimit)

    async def write(
        self, waiting: PendingMessage, deadline: float, frames: Background, after_moved: bool = False
    ) -> Written:
        """`deadline`: on the loop's clock, when the function must be done. `frames` runs what is sent beside it.
        `after_moved`: an earlier message of its conversation has gone to the GPU, so this one goes there unasked."""
        message = MessageRef.of(waiting)
        live = LiveAnswer(message, self.push, self.run_blocking, self.posts)
        live.watch(frames)  # beside the reads: both take a round trip, and the first delta waits for both
        account = CallAccount.of(message, self.clock())
        try:
            conversation, thread, waits = await asyncio.gather(
                self.run_blocking(self.answers.conversation, message),
                self.run_blocking(self.answers.thread, message, most_history_bytes(self.asker.context_tokens)),
                self.run_blocking(self.pending.count, message.message_id, begun=1),
            )
            if conversation is None or thread.question is None:
                await self._drop(message, account)
            elif thread.is_final:
                await self.run_blocking(self.ends.forget, message, account)
            elif waits:
                asking = Asking(thread, conversation.system, live, account, deadline)
                asking.build(self.asker.context_tokens)
                work = _Work(waiting, thread.question, asking)
                asking.spent = self._spent_before(asking)
                if thread.stop_requested:  # of a call that was killed: its reader wants no more
                    return await self._save(work, replace(thread.stopped(), charge=asking.charge))
                return await (self._give_up(work, Why.BEFORE) if after_moved else self._answer(work))
            return Written.ENDED
        finally:
            live.close()

    async def _answer(self, work: _Work) -> Written:
        asking = work.asking
        if work.waiting.begun >= MOST_BEGUN:
            return await self._give_up(work, Why.FAILING)
        writing = asyncio.create_task(self.asker.ask(asking))
        keeping = asyncio.create_task(self._keep_checkpoints(work))
        try:
            left_s = asking.deadline - asyncio.get_running_loop().time()
            await first_of(writing, keeping, timeout=left_s)
            if writing.done():
                answer = writing.result()
            elif keeping.done():
                keeping.result()
                return await self._closed(work)
            else:
                answer = self.asker.cut(asking, "length")
        except NoTimeLeft:
            return Written.NO_TIME
        except GiveUp as err:
            await stop(keeping)
            return await self._give_up(work, err.why)
        finally:
            await stop(writing, keeping)
        return await self._save(work, answer)

    def _spent_before(self, asking: Asking) -> BedrockCharge:
        """What a call took that was killed with its function: as far as it was kept."""
        begun = asking.thread.answer
        if begun is None or begun.session_id or not begun.partial_tokens:
            return NOTHING
        return self.asker.estimated(asking.prompt, begun.partial_tokens)

    async def _keep_checkpoints(self, work: _Work) -> None:
        """Returns when the answer takes no more: it is final, its question is gone, or nobody wants more of it. The
        first one comes at once, beside the first words: from then on it is seen that the message is in work."""
        while True:
            # With what broken and killed calls wrote: a call that is killed too hands it on.
            partial = PartialAnswer(work.live.text, work.asking.spent.completion_tokens + work.live.tokens)
            try:
                keeping = asyncio.create_task(self.run_blocking(self.answers.checkpoint, work.message, partial, ""))
                try:
                    if not await asyncio.shield(keeping):
                        return
                except asyncio.CancelledError:  # it must not land after what is saved now
                    await first_of(keeping, timeout=LAST_CHECKPOINT_S)
                    raise
            except Exception as err:
                log.warning("checkpoint of %s: %r", work.message.message_id, err)
            await asyncio.sleep(CHECKPOINT_S)

    async def _closed(self, work: _Work) -> Written:
        """Its reader wants no more of the answer, or somebody else has ended it."""
        thread = await self.run_blocking(self.answers.thread, work.message, 0)
        if thread.stop_requested:
            return await self._save(work, self.asker.cut(work.asking, STOPPED))
        charge = self.asker.cut(work.asking, "").charge or NOTHING
        if charge.usd:
            await self.run_blocking(self.ends.charge, work.message, charge, work.asking.account)
        await self.run_blocking(self.ends.forget, work.message, work.asking.account)
        return Written.ENDED

    async def _give_up(self, work: _Work, why: Why) -> Written:
        if seconds := REFUSED_S.get(why):
            await self.run_blocking(self.refusals.note, seconds)
        asking = work.asking
        error = await self.run_blocking(self.takeover.to_gpu, work.waiting, why, asking.spent, asking.account)
        if error is None:
            return Written.MOVED
        return await self._save(work, FinishedAnswer("", error=error, charge=asking.charge))

    async def _save(self, work: _Work, finished: FinishedAnswer) -> Written:
        finished, now = replace(finished, choice=work.question.choice), self.clock()
        saved = await self._finish(work, finished, now)
        answer = finished.record(work.message, "", now)
        if saved is Saved.DUPLICATE and await self._is_stored(work, ids.timestamp(now)):
            saved = Saved.SAVED  # the reply to its saving was lost
        if saved is Saved.SAVED:
            work.live.close(message_frame(work.question, answer))
        elif finished.charge:
            await self.run_blocking(self.ends.charge, work.message, finished.charge, work.asking.account)
        if saved is Saved.DELETED:
            await self._drop(work.message, work.asking.account)
        elif saved is not Saved.SAVED:
            await self.run_blocking(self.ends.release, work.asking.account)
        return Written.ENDED

    async def _finish(self, work: _Work, finished: FinishedAnswer, now: datetime) -> Saved:
        account, finish = work.asking.account, self.ends.finish
        for _ in range(SAVE_TRIES - 1):
            try:
                return await self.run_blocking(finish, work.waiting, finished, account, now)
            except Exception as err:
                log.warning("saving %s: %r", work.message.message_id, err)
                await asyncio.sleep(SAVE_RETRY_S)
        return await self.run_blocking(finish, work.waiting, finished, account, now)

    async def _is_stored(self, work: _Work, answered_at: str) -> bool:
        found = (await self.run_blocking(self.answers.thread, work.message, 0)).answer
        return found is not None and (found.session_id, found.answered_at) == ("", answered_at)

    async def _drop(self, message: MessageRef, account: CallAccount) -> None:
        """Its conversation was deleted."""
        await self.run_blocking(self.answers.drop, message)
        await self.run_blocking(self.ends.forget, message, account)
