"""Answers one request of a program: streams the engine's answer to who waits for it, and keeps it for minutes.

Unlike a message's, an answer that was begun is never continued: what was heard of it cannot be taken back. Who waits
knows how much they passed on, and takes a second attempt only where that is nothing.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from time import time

from foreverus import ids, tracing
from foreverus.aws.push import Push
from foreverus.aws.sqs import Delivery
from foreverus.backends.port import Backend, Delta, Finished, Message, Prompt
from foreverus.backends.tokens import texts_of
from foreverus.concurrency import Background, RunBlocking, first_of, stop
from foreverus.conversations.history import estimate
from foreverus.conversations.streaming.live import PostLimit
from foreverus.errors import EngineBusy, EngineFailed, ImagesNotFetched, PromptRejected
from foreverus.relay.records import RequestEnd, RequestFailure, RequestRef, TakenRequest
from foreverus.relay.store import TakenRequests
from foreverus.text import beginning
from foreverus.worker.consumer import MessageOutcome
from foreverus.worker.engine import EngineWatch
from foreverus.worker.generation import BUSY_TRIES, ENGINE_TRIES, MAX_ENGINES_LOST
from foreverus.worker.relaying import RelayedAnswer
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.slots import Claim
from foreverus.worker.stops import Stops

log = logging.getLogger(__name__)

SAVE_RETRY_S = 1.0
FRESH_S = 10.0  # who asked longer ago may have gone: the engine is asked once somebody listens


@dataclass
class _InHand:
    ref: RequestRef
    taken: TakenRequest
    live: RelayedAnswer
    claim: Claim
    asked: bool = False  # the engine was


@dataclass(kw_only=True)
class RequestAnswering:
    """The handler of requests. `posts` is shared with all that is streamed beside them."""

    session_id: str
    engine: Backend
    engine_watch: EngineWatch
    requests: TakenRequests
    push: Push
    run_blocking: RunBlocking
    run_push: RunBlocking
    shutdown: Shutdown
    last_frames: Background
    clock: Callable[[], datetime]
    stops: Stops = field(default_factory=Stops)
    posts: PostLimit = field(default_factory=PostLimit)

    async def handle(self, delivery: Delivery, claim: Claim) -> MessageOutcome:
        """Answers the request. Its claim on a slot is released as soon as the engine has finished."""
        ref = read_reference(delivery.body)
        if ref is None:
            log.error("a message that is no request was dropped: receipt %s…", delivery.receipt[:20])
            return MessageOutcome.DONE
        with self.stops.listening(ref.request_id) as stopped:
            live = RelayedAnswer(ref, self.session_id, self.push, self.run_push, self.posts)
            live.watch(self.last_frames)
            try:
                with tracing.step("request read"):
                    taken = await self.run_blocking(self.requests.take, ref, self.session_id)
                if taken is None:
                    return MessageOutcome.DONE
                live.attempt, live.whole = taken.attempt, taken.whole
                return await self._answer(_InHand(ref, taken, live, claim), stopped)
            finally:
                live.close()

    async def _answer(self, work: _InHand, stopped: asyncio.Event) -> MessageOutcome:
        generating = asyncio.create_task(self._generate(work))
        handing_back = asyncio.create_task(self.shutdown.hand_back.wait())
        asked_at = time()
        unwanted = [asyncio.create_task(stopped.wait()), asyncio.create_task(work.live.abandoned())]
        try:
            await first_of(generating, handing_back, *unwanted)
            end = generating.result() if generating.done() else None
        except EngineFailed:
            end = None  # the engine is dead: another worker begins anew
        finally:
            tracing.note_stream(asked_at, work.live.first_at)
            work.claim.release()
            await stop(generating, handing_back)
        given_up = any(one.done() for one in unwanted)
        await stop(*unwanted)
        if end is not None:
            return await self._save(work, end)
        return await (self._drop(work) if given_up else self._hand_back(work))

    async def _generate(self, work: _InHand) -> RequestEnd:
        """Raises EngineFailed where the engine is dead; `Shutdown` knows it then."""
        if work.taken.attempt > MAX_ENGINES_LOST:
            return _failed(work, EngineFailed("The engine failed each time it was asked this."))
        await work.claim.granted.wait()
        if (self.clock() - ids.parse_timestamp(work.taken.created_at)).total_seconds() > FRESH_S:
            await work.live.listened.wait()
        busy = failed = 0
        while True:
            work.asked = True
            try:
                return await self._stream(work)
            except PromptRejected as err:
                return _failed(work, err)
            except (EngineBusy, ImagesNotFetched) as err:  # it lives, or was not asked
                busy += 1
                if busy > BUSY_TRIES or work.live.tokens:
                    return _failed(work, err)
                await asyncio.sleep(0.05 * 2**busy)
            except EngineFailed as err:
                if not await self.engine_watch.confirm_alive(str(err)):
                    raise
                failed += 1
                log.warning("request %s: try %d failed: %s", work.ref.request_id, failed, err)
                if failed >= ENGINE_TRIES or work.live.tokens:
                    return _failed(work, EngineFailed("The model's engine failed on this request."))

    async def _stream(self, work: _InHand) -> RequestEnd:
        live = work.live
        async with aclosing(self.engine.stream(work.taken.prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return RequestEnd(event.finish_reason, event.prompt_tokens, event.completion_tokens)
                self.engine_watch.sign_of_life()
                size = len(event.text.encode(errors="replace"))
                if size > live.room or not live.room:
                    live.add(Delta(beginning(event.text, live.room)))
                    return RequestEnd("length", _prompt_tokens(work.taken.prompt), live.tokens)
                live.add(event)
        raise EngineFailed("The engine's stream ended without an end.")

    async def _save(self, work: _InHand, end: RequestEnd) -> MessageOutcome:
        while True:
            try:
                finish = self.requests.finish
                with tracing.step("save"):
                    await self.run_blocking(finish, work.ref, self.session_id, end, work.live.deltas)
                break
            except Exception as err:
                log.warning("saving %s: %r", work.ref.request_id, err)
                if self.shutdown.hand_back.is_set():
                    return await self._hand_back(work)
                await asyncio.sleep(SAVE_RETRY_S)
        work.live.end(end)
        return MessageOutcome.DONE

    async def _drop(self, work: _InHand) -> MessageOutcome:
        """Nobody waits for it. What it took is counted."""
        await self._count(work)
        await self.run_blocking(self.requests.erase, work.ref)
        return MessageOutcome.DONE

    async def _hand_back(self, work: _InHand) -> MessageOutcome:
        await self._count(work)
        work.live.end(RequestEnd(handed_back=True))
        return MessageOutcome.HAND_BACK

    async def _count(self, work: _InHand) -> None:
        prompt_tokens = _prompt_tokens(work.taken.prompt) if work.asked else 0
        await self.run_blocking(self.requests.count, work.ref, self.session_id, prompt_tokens, work.live.tokens)


def _failed(work: _InHand, error: PromptRejected | EngineBusy | EngineFailed) -> RequestEnd:
    """An engine that breaks off counts nothing: the tokens are our deltas, and the prompt's an estimate."""
    asked = work.asked and not isinstance(error, PromptRejected)
    prompt_tokens = _prompt_tokens(work.taken.prompt) if asked and work.live.tokens else 0
    return RequestEnd("", prompt_tokens, work.live.tokens, RequestFailure.of(error))


def _prompt_tokens(prompt: Prompt) -> int:
    return sum(estimate(Message("user", text)) for text in texts_of(prompt))


def read_reference(body: str) -> RequestRef | None:
    """The reference in a message's body; None when it is not one."""
    try:
        fields = json.loads(body)
        return RequestRef(str(fields["request_id"]), str(fields["user_id"]), str(fields["relay_id"]))
    except (ValueError, LookupError, TypeError):
        return None
