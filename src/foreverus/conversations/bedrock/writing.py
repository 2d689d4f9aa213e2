"""Answers one message on Bedrock: reads what is asked, streams the answer out, keeps what there is, saves it once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from time import time

from foreverus import ids, tracing
from foreverus.aws.push import Push
from foreverus.backends.port import BackendName
from foreverus.choice.refusals import THROTTLED_S, UNAVAILABLE_S, BedrockRefusals
from foreverus.concurrency import Background, RunBlocking, first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.conversations.bedrock.asking import Asking, BedrockAsker, GiveUp, NoTimeLeft, NotWanted
from foreverus.conversations.bedrock.ends import NOTHING, CallAccount, MessageEnds
from foreverus.conversations.bedrock.entitling import FINISH_S, BedrockTitles
from foreverus.conversations.bedrock.knowing import known_of
from foreverus.conversations.bedrock.takeover import TakeOver, Why
from foreverus.conversations.entitling import TitleNews
from foreverus.conversations.frames import message_frame
from foreverus.conversations.measuring import measure
from foreverus.conversations.passages.looking import Passages
from foreverus.conversations.prompt import most_history_bytes
from foreverus.conversations.records import (
    STOPPED,
    BedrockCharge,
    Conversation,
    FinishedAnswer,
    MessageRef,
    Question,
    Saved,
)
from foreverus.conversations.settings import as_set
from foreverus.conversations.streaming.live import LiveAnswer, PostLimit
from foreverus.conversations.titles import wants_title
from foreverus.metrics import SILENT, Metrics
from foreverus.sessions.chat_gpu import ChatGpu
from foreverus.sessions.pending import PendingMessage

log = logging.getLogger(__name__)

CHECKPOINT_S = 0.5
LAST_FRAMES_S = 5.0  # for those who are slow to take the end of an answer
LAST_CHECKPOINT_S = 3.0  # for one that is on its way when the answer has its end
MOST_UNENDED = 3  # calls of the function that had a message in hand and came to no end: it may be the message
SAVE_TRIES = 4
SAVE_RETRY_S = 0.5
REFUSED_S = {Why.THROTTLED: THROTTLED_S, Why.UNAVAILABLE: UNAVAILABLE_S}  # so long nobody else is sent to Bedrock


class Written(Enum):
    ENDED = "ended"  # it waits for nobody any more
    MOVED = "moved"  # to the GPU, and what comes after it in its conversation goes there too
    NO_TIME = "no_time"  # for the next call of the function


@dataclass(frozen=True)
class Beside:
    """What runs beside the answers of one call: what is sent of them, and the titles that are asked for."""

    frames: Background = field(default_factory=Background)
    titles: Background = field(default_factory=Background)

    async def finish(self, deadline: float) -> None:
        """`deadline`: on the loop's clock. No title is begun that would not be done by then."""
        left_s = max(0.0, deadline - asyncio.get_running_loop().time())
        await asyncio.gather(self.frames.finish(LAST_FRAMES_S), self.titles.finish(min(FINISH_S, left_s)))


@dataclass
class _Work:
    waiting: PendingMessage
    question: Question
    asking: Asking
    conversation: Conversation
    beside: Beside
    told: bool = False  # those who do not watch it, that it was begun

    @property
    def is_first(self) -> bool:
        """Of its conversation, as far as can be seen."""
        thread = self.asking.thread
        return self.question.version == 1 and not thread.earlier and not thread.unread

    @property
    def message(self) -> MessageRef:
        return self.question.ref

    @property
    def live(self) -> LiveAnswer:
        return self.asking.live


@dataclass(frozen=True, kw_only=True)
class AnswerWriter:
    answers: Answers
    ends: MessageEnds
    asker: BedrockAsker
    takeover: TakeOver
    refusals: BedrockRefusals
    push: Push
    clock: Callable[[], datetime]
    run_blocking: RunBlocking
    titles: BedrockTitles | None = None
    news: TitleNews | None = None
    passages: Passages | None = None
    chat_gpu: ChatGpu | None = None
    posts: PostLimit = field(default_factory=PostLimit)
    metrics: Metrics = SILENT

    async def write(
        self, waiting: PendingMessage, deadline: float, beside: Beside, after_moved: bool = False
    ) -> Written:
        """`deadline`: on the loop's clock, when the function must be done.
        `after_moved`: an earlier message of its conversation has gone to the GPU, so this one goes there unasked."""
        with tracing.joined(waiting.trace), tracing.step("chat", backend="bedrock") as step:
            step.waited("queue wait", ids.parse_timestamp(waiting.created_at).timestamp())
            return await self._write(waiting, deadline, beside, after_moved)

    async def _write(self, waiting: PendingMessage, deadline: float, beside: Beside, after_moved: bool) -> Written:
        message = MessageRef.of(waiting)
        live = LiveAnswer(message, self.push, self.run_blocking, self.posts)
        live.hold()
        live.watch(beside.frames)  # beside the reads: both take a round trip, and the first delta waits for both
        account = CallAccount.of(message, self.clock())
        read = self.ends.ahead(message, account, documents=self.passages is not None)
        try:
            with tracing.step("history read"):
                known, thread = await asyncio.gather(
                    known_of(read, message, self.passages, self.run_blocking),
                    self.run_blocking(self.answers.thread, message, most_history_bytes(self.asker.context_tokens)),
                )
            conversation = known.conversation
            if conversation is None or thread.question is None:
                await self._drop(message, account)
            elif thread.is_final:
                await self.run_blocking(self.ends.forget, message, account)
            else:
                call = ids.new_id("call", self.clock())
                asked = as_set(conversation, thread, known.memories, known.found)
                asking = Asking(asked, conversation.system, live, account, deadline, call, read)
                asking.build(self.asker.context_tokens)
                work = _Work(waiting, thread.question, asking, conversation, beside)
                not_seen = await self.asker.show_images(asking)
                asking.spent = self._spent_before(asking)
                if thread.stop_requested:  # of a call that was killed: its reader wants no more
                    return await self._save(work, replace(thread.stopped(), charge=asking.charge))
                try:
                    if not_seen:
                        return await self._save(work, FinishedAnswer("", error=not_seen, charge=asking.charge))
                    return await (self._give_up(work, Why.BEFORE) if after_moved else self._answer(work))
                finally:
                    self._tell_begun(work)
            return Written.ENDED
        finally:
            live.close()

    async def _answer(self, work: _Work) -> Written:
        asking = work.asking
        if work.waiting.unended >= MOST_UNENDED:
            return await self._give_up(work, Why.FAILING)
        asked_at = time()
        writing = asyncio.create_task(self.asker.ask(asking))
        keeping = asyncio.create_task(self._keep_checkpoints(work))
        try:
            left_s = asking.deadline - asyncio.get_running_loop().time()
            await first_of(writing, keeping, timeout=left_s)
            if writing.done():
                answer = writing.result()
            elif keeping.done():
                keeping.result()
                await stop(writing)  # no word more is shown than is kept
                return await self._closed(work)
            else:
                answer = self.asker.cut(asking, "length")
        except NoTimeLeft:
            return Written.NO_TIME
        except NotWanted:
            await stop(keeping)
            return await self._closed(work)
        except GiveUp as err:
            await stop(keeping)
            return await self._give_up(work, err.why)
        finally:
            tracing.note_stream(asked_at, work.live.first_at)
            await stop(writing, keeping)
        return await self._save(work, answer)

    def _tell_begun(self, work: _Work) -> None:
        """Its person's open pages hear of a first message when the first word is on its way, or with its end: whom they
        ask for and what they are sent is no part of the way to it (docs/decisions/0043)."""
        if self.news and work.is_first and not work.told:
            work.told = True
            work.beside.frames.start(self.run_blocking(self.news.begun, work.message))

    def _spent_before(self, asking: Asking) -> BedrockCharge:
        """What a call took that was killed with its function: as far as it was kept."""
        begun = asking.thread.answer
        return (begun and begun.begun_on_bedrock(self.asker.price_of(asking.prompt))) or NOTHING

    async def _keep_checkpoints(self, work: _Work) -> None:
        """Returns when the answer takes no more: it is final, its question is gone, or nobody wants more of it. The
        first one was kept before Bedrock was asked (`Asking.begun`): what comes is shown from then on."""
        await work.asking.begun.wait()
        work.live.show()
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            self._tell_begun(work)
            # With what broken and killed calls wrote: a call that is killed too hands it on.
            partial = self.asker.partial(work.asking)
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

    async def _closed(self, work: _Work) -> Written:
        """Its reader wants no more of the answer, or somebody else has ended it, or has taken it to the GPU, where it
        waits on."""
        thread = await self.run_blocking(self.answers.thread, work.message, 0)
        if thread.stop_requested:
            return await self._save(work, self.asker.cut(work.asking, STOPPED))
        charge = self.asker.cut(work.asking, "").charge or NOTHING
        if charge.usd:
            await self.run_blocking(self.ends.charge, work.message, charge, work.asking.account, work.asking.call)
        if thread.is_final or thread.question is None:
            await self.run_blocking(self.ends.forget, work.message, work.asking.account)
        else:
            await self.run_blocking(self.ends.release, work.asking.account)
        return Written.ENDED

    async def _give_up(self, work: _Work, why: Why) -> Written:
        if (seconds := REFUSED_S.get(why)) and not work.asking.prompt.images:  # that is another model
            await self.run_blocking(self.refusals.note, seconds)
        asking = work.asking
        error = await self.run_blocking(self.takeover.to_gpu, work.waiting, why, asking.spent, asking.account)
        if error is None:
            return Written.MOVED
        return await self._save(work, FinishedAnswer("", error=error, charge=asking.charge))

    async def _save(self, work: _Work, finished: FinishedAnswer) -> Written:
        finished, now = replace(finished, choice=work.question.choice), self.clock()
        with tracing.step("save"):
            saved = await self._finish(work, finished, now)
        answer = finished.record(work.message, "", now)
        if saved is Saved.DUPLICATE and await self._is_stored(work, ids.timestamp(now)):
            saved = Saved.SAVED  # the reply to its saving was lost
        if saved is Saved.SAVED:
            work.live.close(message_frame(work.question, answer))
            said_s = work.live.said_s
            measure(self.metrics, work.question, finished, now, by=BackendName.BEDROCK, said_s=said_s)
            self._entitle(work, finished)
            if self.chat_gpu and finished.charge:
                work.beside.frames.start(self.run_blocking(self.chat_gpu.answered, finished.charge.usd))
        elif finished.charge:
            await self.run_blocking(
                self.ends.charge, work.message, finished.charge, work.asking.account, work.asking.call
            )
        if saved is Saved.DELETED:
            await self._drop(work.message, work.asking.account)
        elif saved is not Saved.SAVED:
            await self.run_blocking(self.ends.release, work.asking.account)
        return Written.ENDED

    def _entitle(self, work: _Work, finished: FinishedAnswer) -> None:
        left_s = work.asking.deadline - asyncio.get_running_loop().time()
        if self.titles and left_s > FINISH_S and wants_title(work.conversation, work.asking.thread, finished):
            work.beside.titles.start(self.titles.write(work.message, work.question, finished))

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
