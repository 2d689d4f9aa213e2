"""Answers one chat message: reads what is asked, streams the engine's answer out, saves it exactly once."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import time

from foreverus import logs, tracing
from foreverus.aws.push import Push
from foreverus.aws.sqs import Delivery
from foreverus.backends.port import BackendName
from foreverus.concurrency import Background, RunBlocking, first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.conversations.frames import message_frame
from foreverus.conversations.measuring import measure
from foreverus.conversations.passages.looking import Known, Passages, look
from foreverus.conversations.prompt import (
    DEFAULT_ANSWER_TOKENS,
    Thread,
    build_prompt,
    most_history_bytes,
    sources_of,
)
from foreverus.conversations.records import Conversation, FinishedAnswer, MessageRef, PartialAnswer, Saved
from foreverus.conversations.settings import as_set
from foreverus.conversations.streaming.live import LiveAnswer, PostLimit
from foreverus.conversations.titles import wants_title
from foreverus.documents.sources import Sources
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from foreverus.metrics import SILENT, Metrics
from foreverus.worker.consumer import MessageOutcome
from foreverus.worker.generation import AnswerGenerator, PromptSent, refused
from foreverus.worker.images import GpuEyes
from foreverus.worker.interruption import END_IN_TIME_CHECK_S, ends_in_time
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.slots import Claim
from foreverus.worker.stops import Stops
from foreverus.worker.titles import TitleWriter

log = logging.getLogger(__name__)

CHECKPOINT_S = 1.0
CHECKPOINTS_PER_SECOND = 4.0  # over all streams
SAVE_RETRY_S = 1.0
LAST_CHECKPOINT_S = 3.0  # for one that is on its way when the answer is handed back


class _Interrupted(Exception):
    """There is no time left for this answer."""


class _NotWanted(Exception):
    """The answer became final while we were writing it, its question is gone, or somebody stops it."""


@dataclass(kw_only=True)
class ChatAnswering:
    """The handler of chat messages. `last_frames` runs what is left to send when an answer is done."""

    session_id: str
    context_tokens: int
    generator: AnswerGenerator
    answers: Answers
    push: Push
    run_blocking: RunBlocking
    run_push: RunBlocking
    run_passages: RunBlocking
    shutdown: Shutdown
    last_frames: Background
    clock: Callable[[], datetime]
    stops: Stops = field(default_factory=Stops)
    titles: TitleWriter | None = None
    passages: Passages | None = None
    eyes: GpuEyes | None = None
    posts: PostLimit = field(default_factory=PostLimit)
    metrics: Metrics = SILENT
    ready_at: datetime | None = None  # since when the engine can answer
    live: int = field(default=0, init=False)  # answers that are being written

    async def handle(self, delivery: Delivery, claim: Claim) -> MessageOutcome:
        """Answers the message. Its claim on a slot is released as soon as the engine has finished."""
        request = read_request(delivery.body)
        if request is None:
            log.error("a message that is no chat request was dropped: receipt %s…", delivery.receipt[:20])
            return MessageOutcome.DONE
        logs.bind(conversation_id=request.conversation_id)
        with self.stops.listening(request.message_id) as stopped:
            return await self._handle(request, claim, stopped)

    async def _handle(self, request: MessageRef, claim: Claim, stopped: asyncio.Event) -> MessageOutcome:
        live = LiveAnswer(request, self.push, self.run_push, self.posts)
        live.hold()
        live.watch(self.last_frames)  # beside the reads: both take a round trip, and the first delta waits for both
        try:
            most_bytes = most_history_bytes(self.context_tokens)
            with tracing.step("history read"):
                known, thread, moved = await asyncio.gather(
                    self._known(request, claim),
                    self.run_blocking(self.answers.thread, request, most_bytes),
                    self.run_blocking(self.answers.is_with_bedrock, request),
                )
            conversation = known.conversation
            if conversation is None or thread.question is None:
                await self.run_blocking(self.answers.drop, request)
                return MessageOutcome.DONE
            if thread.is_final or moved:  # what Bedrock has in hand would be written, and paid, twice
                return MessageOutcome.DONE
            thread = as_set(conversation, thread, known.memories, known.found)
            live.begin_with(thread.partial)
            asked = PromptSent(build_prompt(conversation.system, thread, self.context_tokens))
            work = _ChatInHand(request, conversation, thread, asked, live, claim, stopped)
            if thread.stop_requested:  # of one that came back, or whose GPU was lost
                return await self._save(work, self._stopped(work))
            if self.eyes and thread.shows_images:
                try:
                    with claim.lent():
                        work.asked = await self._shown(self.eyes, work)
                except PromptRejected as err:  # it is not asked without what it shows
                    return await self._save(work, refused(err))
            return await self._answer(work)
        finally:
            live.close()

    async def _known(self, request: MessageRef, claim: Claim) -> Known:
        """What is read of its conversation and its person. No slot of the engine waits for passages of documents."""
        conversation, memories, has_documents = await asyncio.gather(
            self.run_blocking(self.answers.conversation, request),
            self.run_blocking(self.answers.memories, request),
            self._has_documents(request),
        )
        known = Known(conversation, memories, has_documents)
        if not known.wants_passages:
            return known
        with claim.lent():
            return replace(known, found=await look(self.passages, known, request, self.run_passages))

    async def _shown(self, eyes: GpuEyes, work: "_ChatInHand") -> PromptSent:
        """Raises PromptRejected."""
        looked = await eyes.look(work.request, work.thread, self.run_passages)
        room = max(1, self.context_tokens - looked.tokens)
        return PromptSent(build_prompt(work.conversation.system, work.thread, room), looked=looked)

    async def _has_documents(self, request: MessageRef) -> bool:
        return self.passages is not None and await self.run_blocking(self.passages.any_of, request.user_id)

    async def _answer(self, work: "_ChatInHand") -> MessageOutcome:
        generating = asyncio.create_task(self.generator.generate(work.asked, work.thread, work.live, work.claim))
        stopping = asyncio.create_task(work.stopped.wait())
        handing_back = asyncio.create_task(self.shutdown.hand_back.wait())
        too_late = asyncio.create_task(self._cannot_end_in_time(work))
        keeper = asyncio.create_task(self._keep_checkpoints(work))
        self.live += 1
        asked_at = time()
        try:
            await first_of(generating, stopping, handing_back, too_late, keeper)
            if generating.done():
                answer = generating.result()
            elif stopping.done():
                raise _NotWanted
            elif keeper.done():
                keeper.result()
                raise _NotWanted
            else:
                raise _Interrupted
        except (_NotWanted, _Interrupted, EngineBusy, EngineFailed) as why:
            await stop(generating, keeper)
            work.claim.release()
            return await self._give_up(why, work)
        finally:
            self.live -= 1
            tracing.note_stream(asked_at, work.live.first_at)
            work.claim.release()
            await stop(generating, stopping, handing_back, too_late, keeper)
        chosen = work.thread.question.choice if work.thread.question else None
        return await self._save(work, replace(answer, choice=chosen))

    async def _give_up(self, why: Exception, work: "_ChatInHand") -> MessageOutcome:
        """What there is is handed back, or is the answer where somebody has stopped it: whoever comes first."""
        outcome = MessageOutcome.RETRY_LATER if isinstance(why, EngineBusy) else MessageOutcome.HAND_BACK
        if not isinstance(why, _NotWanted) and await self._hand_back(work):
            return outcome
        if work.stopped.is_set() or (await self.run_blocking(self.answers.thread, work.request, 0)).stop_requested:
            return await self._save(work, self._stopped(work))
        return MessageOutcome.DONE if isinstance(why, _NotWanted) else outcome

    async def _hand_back(self, work: "_ChatInHand") -> bool:
        lost = 1 if self.shutdown.ending and self.shutdown.ending.error == EngineFailed.code() else 0
        spent = work.live.tokens + work.thread.uncounted_by(self.session_id)
        tokens = work.thread.partial_tokens + work.live.tokens
        partial = PartialAnswer(work.live.text, tokens, spent, work.thread.counted_tokens, lost, sources=work.sources)
        return await self.run_blocking(self.answers.hand_back, work.request, partial, self.session_id)

    def _stopped(self, work: "_ChatInHand") -> FinishedAnswer:
        return self.generator.stopped(work.asked, work.thread, work.live)

    async def _cannot_end_in_time(self, work: "_ChatInHand") -> None:
        """Returns when there is a spot notice and the answer will not be whole before its time is up."""
        await self.shutdown.noticed.wait()
        loop = asyncio.get_running_loop()
        noticed, live = loop.time(), work.live
        most = work.asked.prompt.max_tokens or DEFAULT_ANSWER_TOKENS
        while work.claim.granted.is_set():
            now = loop.time()
            rate = live.rate.tokens_per_s(now)
            if not ends_in_time(most - live.tokens, rate, self.shutdown.deadline - now, now - noticed):
                return
            await asyncio.sleep(END_IN_TIME_CHECK_S)

    async def _keep_checkpoints(self, work: "_ChatInHand") -> None:
        """Returns when nobody wants more of the answer. The first one comes at once, beside the first words: from then
        on it is seen that the message is in work, and where."""
        kept = -1
        while True:
            if work.live.tokens != kept:
                tokens, text = work.live.tokens, work.live.text
                try:
                    if not await self._keep(
                        work, PartialAnswer(text, work.thread.partial_tokens + tokens, sources=work.sources)
                    ):
                        return
                    work.live.show()
                    kept = tokens
                except Exception as err:
                    log.warning("checkpoint of %s: %r", work.request.message_id, err)
            await asyncio.sleep(max(CHECKPOINT_S, self.live / CHECKPOINTS_PER_SECOND))

    async def _keep(self, work: "_ChatInHand", partial: PartialAnswer) -> bool:
        keeping = asyncio.create_task(
            self.run_blocking(self.answers.checkpoint, work.request, partial, self.session_id)
        )
        try:
            return await asyncio.shield(keeping)
        except asyncio.CancelledError:  # it must not land after what is handed back now
            await first_of(keeping, timeout=LAST_CHECKPOINT_S)
            raise

    async def _save(self, work: "_ChatInHand", answer: FinishedAnswer) -> MessageOutcome:
        request, answer = work.request, replace(answer, sources=work.sources)
        while True:
            try:
                now = self.clock()
                with tracing.step("save"):
                    saved = await self.run_blocking(self.answers.finish, request, answer, self.session_id, now)
                break
            except Exception as err:
                log.warning("saving %s: %r", request.message_id, err)
                if self.shutdown.hand_back.is_set():
                    return MessageOutcome.HAND_BACK
                await asyncio.sleep(SAVE_RETRY_S)
        if saved is Saved.DELETED:
            await self.run_blocking(self.answers.drop, request)
        elif saved is Saved.SAVED and work.thread.question:
            question = work.thread.question
            work.live.close(message_frame(question, answer.record(request, self.session_id, now)))
            said_s, since = work.live.said_s, self.ready_at
            measure(self.metrics, question, answer, now, by=BackendName.GPU, said_s=said_s, ready_at=since)
            if self.titles and wants_title(work.conversation, work.thread, answer):
                self.last_frames.start(self.titles.write(request, work.thread.question, answer))
        return MessageOutcome.DONE


@dataclass
class _ChatInHand:
    """A message while it is worked on. `stopped`: somebody wants no more of its answer."""

    request: MessageRef
    conversation: Conversation
    thread: Thread
    asked: PromptSent
    live: LiveAnswer
    claim: Claim
    stopped: asyncio.Event

    @property
    def sources(self) -> Sources | None:
        """Of what there is of its answer."""
        return sources_of(self.thread, self.asked.prompt) if self.asked.sent else self.thread.partial_sources


def read_request(body: str) -> MessageRef | None:
    """The reference in a message's body; None when it is not one."""
    try:
        fields = json.loads(body)
        return MessageRef(str(fields["message_id"]), str(fields["conversation_id"]), str(fields["user_id"]))
    except (ValueError, LookupError, TypeError):
        return None
