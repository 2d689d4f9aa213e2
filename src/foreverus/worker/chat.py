"""Answers one chat message: reads what is asked, streams the engine's answer out, saves it exactly once."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from foreverus import logs
from foreverus.aws.push import Push
from foreverus.aws.sqs import Delivery
from foreverus.backends.port import Prompt
from foreverus.concurrency import Background, RunBlocking, first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.conversations.frames import message_frame
from foreverus.conversations.prompt import (
    DEFAULT_ANSWER_TOKENS,
    Thread,
    build_prompt,
    most_history_bytes,
)
from foreverus.conversations.records import FinishedAnswer, MessageRef, PartialAnswer, Saved
from foreverus.conversations.streaming.live import LiveAnswer, PostLimit
from foreverus.errors import EngineBusy, EngineFailed
from foreverus.worker.consumer import MessageOutcome
from foreverus.worker.generation import AnswerGenerator
from foreverus.worker.interruption import END_IN_TIME_CHECK_S, ends_in_time
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.slots import Claim

log = logging.getLogger(__name__)

CHECKPOINT_S = 1.0
CHECKPOINTS_PER_SECOND = 4.0  # over all streams
SAVE_RETRY_S = 1.0
LAST_CHECKPOINT_S = 3.0  # for one that is on its way when the answer is handed back


class _Interrupted(Exception):
    """There is no time left for this answer."""


class _AnsweredElsewhere(Exception):
    """The answer became final while we were writing it."""


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
    shutdown: Shutdown
    last_frames: Background
    clock: Callable[[], datetime]
    posts: PostLimit = field(default_factory=PostLimit)
    live: int = field(default=0, init=False)  # answers that are being written

    async def handle(self, delivery: Delivery, claim: Claim) -> MessageOutcome:
        """Answers the message. Its claim on a slot is released as soon as the engine has finished."""
        request = read_request(delivery.body)
        if request is None:
            log.error("a message that is no chat request was dropped: receipt %s…", delivery.receipt[:20])
            return MessageOutcome.DONE
        logs.bind(conversation_id=request.conversation_id)
        live = LiveAnswer(request, self.push, self.run_push, self.posts)
        live.watch(self.last_frames)  # beside the reads: both take a round trip, and the first delta waits for both
        try:
            most_bytes = most_history_bytes(self.context_tokens)
            conversation, thread = await asyncio.gather(
                self.run_blocking(self.answers.conversation, request),
                self.run_blocking(self.answers.thread, request, most_bytes),
            )
            if conversation is None or thread.question is None:
                await self.run_blocking(self.answers.drop, request)
                return MessageOutcome.DONE
            if thread.is_final:
                return MessageOutcome.DONE
            live.begin_with(thread.partial)
            return await self._answer(request, thread, conversation.system, live, claim)
        finally:
            live.close()

    async def _answer(
        self, request: MessageRef, thread: Thread, system: str, live: LiveAnswer, claim: Claim
    ) -> MessageOutcome:
        prompt = build_prompt(system, thread, self.context_tokens)
        work = asyncio.create_task(self.generator.generate(prompt, thread, live, claim))
        handing_back = asyncio.create_task(self.shutdown.hand_back.wait())
        too_late = asyncio.create_task(self._cannot_end_in_time(prompt, live, claim))
        keeper = asyncio.create_task(self._keep_checkpoints(request, thread, live))
        self.live += 1
        try:
            await first_of(work, handing_back, too_late, keeper)
            if work.done():
                answer = work.result()
            elif keeper.done():
                keeper.result()
                raise _AnsweredElsewhere
            else:
                raise _Interrupted
        except (_AnsweredElsewhere, _Interrupted, EngineBusy, EngineFailed) as why:
            await stop(work, keeper)
            return await self._give_up(why, request, thread, live)
        finally:
            self.live -= 1
            claim.release()
            await stop(work, handing_back, too_late, keeper)
        return await self._save(request, thread, live, answer)

    async def _give_up(self, why: Exception, request: MessageRef, thread: Thread, live: LiveAnswer) -> MessageOutcome:
        if isinstance(why, _AnsweredElsewhere):
            return MessageOutcome.DONE
        lost = 1 if self.shutdown.ending and self.shutdown.ending.error == EngineFailed.code() else 0
        spent = live.tokens + thread.uncounted_by(self.session_id)
        tokens = thread.partial_tokens + live.tokens
        partial = PartialAnswer(live.text, tokens, spent, thread.counted_tokens, lost)
        await self.run_blocking(self.answers.hand_back, request, partial, self.session_id)
        return MessageOutcome.RETRY_LATER if isinstance(why, EngineBusy) else MessageOutcome.HAND_BACK

    async def _cannot_end_in_time(self, prompt: Prompt, live: LiveAnswer, claim: Claim) -> None:
        """Returns when there is a spot notice and the answer will not be whole before its time is up."""
        await self.shutdown.noticed.wait()
        loop = asyncio.get_running_loop()
        noticed = loop.time()
        most = prompt.max_tokens or DEFAULT_ANSWER_TOKENS
        while claim.granted.is_set():
            now = loop.time()
            rate = live.rate.tokens_per_s(now)
            if not ends_in_time(most - live.tokens, rate, self.shutdown.deadline - now, now - noticed):
                return
            await asyncio.sleep(END_IN_TIME_CHECK_S)

    async def _keep_checkpoints(self, request: MessageRef, thread: Thread, live: LiveAnswer) -> None:
        """Returns when the answer has become final elsewhere."""
        kept = 0
        while True:
            await asyncio.sleep(max(CHECKPOINT_S, self.live / CHECKPOINTS_PER_SECOND))
            if live.tokens == kept:
                continue
            tokens, text = live.tokens, live.text
            try:
                total = thread.partial_tokens + tokens
                keeping = asyncio.create_task(
                    self.run_blocking(self.answers.checkpoint, request, PartialAnswer(text, total), self.session_id)
                )
                try:
                    is_open = await asyncio.shield(keeping)
                except asyncio.CancelledError:  # it must not land after what is handed back now
                    await first_of(keeping, timeout=LAST_CHECKPOINT_S)
                    raise
                if not is_open:
                    return
                kept = tokens
            except Exception as err:
                log.warning("checkpoint of %s: %r", request.message_id, err)

    async def _save(
        self, request: MessageRef, thread: Thread, live: LiveAnswer, answer: FinishedAnswer
    ) -> MessageOutcome:
        while True:
            try:
                now = self.clock()
                saved = await self.run_blocking(self.answers.finish, request, answer, self.session_id, now)
                break
            except Exception as err:
                log.warning("saving %s: %r", request.message_id, err)
                if self.shutdown.hand_back.is_set():
                    return MessageOutcome.HAND_BACK
                await asyncio.sleep(SAVE_RETRY_S)
        if saved is Saved.DELETED:
            await self.run_blocking(self.answers.drop, request)
        elif saved is Saved.SAVED and thread.question:
            live.close(message_frame(thread.question, answer.record(request, self.session_id, now)))
        return MessageOutcome.DONE


def read_request(body: str) -> MessageRef | None:
    """The reference in a message's body; None when it is not one."""
    try:
        fields = json.loads(body)
        return MessageRef(str(fields["message_id"]), str(fields["conversation_id"]), str(fields["user_id"]))
    except (ValueError, LookupError, TypeError):
        return None
