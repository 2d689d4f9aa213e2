"""The engine's part of an answer: streamed, and asked again where that can help."""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace

from foreverus.backends.port import Engine, Finished, Message, Prompt
from foreverus.conversations.history import estimate
from foreverus.conversations.prompt import MIN_ANSWER_TOKENS, Thread, held_by, remembered, shorter, trimmed_messages
from foreverus.conversations.records import STOPPED, AnswerError, FinishedAnswer
from foreverus.conversations.streaming.live import LiveAnswer
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from foreverus.text import beginning
from foreverus.worker.engine import EngineWatch
from foreverus.worker.fitting import fitted
from foreverus.worker.images import Looked
from foreverus.worker.slots import Claim

log = logging.getLogger(__name__)

BUSY_TRIES = 8  # 0.1 s, 0.2 s, … 12.8 s
ENGINE_TRIES = 3  # an answer that fails so often on an engine that lives is a failed answer
MAX_ENGINES_LOST = 3  # engines that died under one answer: it is not asked again


class _Full(Exception):
    """The answer has as many bytes as one may have. The engine, which would go on, is not listened to any more."""


@dataclass
class PromptSent:
    """What the engine is asked now, and whether it was: of one that is cut off, that is what it has spent. Its images
    come into it when it is known which turns fit."""

    prompt: Prompt
    sent: bool = False
    looked: Looked | None = None  # at the images that are to be shown in it


@dataclass(frozen=True, kw_only=True)
class AnswerGenerator:
    session_id: str
    engine: Engine
    engine_watch: EngineWatch
    context_tokens: int

    async def generate(self, asked: PromptSent, thread: Thread, live: LiveAnswer, claim: Claim) -> FinishedAnswer:
        """Streams until there is a whole answer, or one that says why there is none.

        Raises EngineBusy (for too long) and EngineFailed (the engine is dead; `Shutdown` knows it).
        """
        if thread.engine_failures >= MAX_ENGINES_LOST:
            return _failed(live.text, "engine_failed", "The engine failed each time it was asked this.")
        await claim.granted.wait()
        room = self.context_tokens - (asked.looked.tokens if asked.looked else 0)
        asked.prompt = await fitted(self.engine, asked.prompt, thread, room)
        if asked.looked:
            asked.prompt = asked.looked.shown(asked.prompt, thread)
        busy, failed = 0, 0
        while True:
            had, prompt = live.tokens, asked.prompt
            asked.sent = True
            try:
                finished = await self._stream(prompt, live)
                less = _with_more_room(prompt, finished)
                if less is None:
                    spent = had + finished.completion_tokens
                    whole = self._whole(thread, live, finished.finish_reason, spent, finished.prompt_tokens)
                    return replace(_made_of(whole, thread, prompt), held=held_by(prompt))
                asked.prompt = less
            except PromptRejected as err:
                less = shorter(prompt) if err.reason == "context_length_exceeded" else None
                if less is None and live.text:  # what there is fills the context
                    whole = self._whole(thread, live, "length", live.tokens)
                    return _made_of(whole, thread, prompt)
                if less is None:
                    return refused(err)
                asked.prompt = less
            except _Full:
                return self._whole(thread, live, "length", live.tokens)
            except EngineBusy:
                busy += 1
                if busy > BUSY_TRIES:
                    raise
                await asyncio.sleep(0.05 * 2**busy)
            except EngineFailed as err:
                if not await self.engine_watch.confirm_alive(str(err)):
                    raise
                failed += 1
                log.warning("answer %s: try %d failed: %s", live.request.message_id, failed, err)
                if failed >= ENGINE_TRIES:
                    failure = AnswerError("engine_failed", "The model's engine failed on this message.")
                    return replace(self._whole(thread, live, "", live.tokens), error=failure)
            if live.tokens > had:
                asked.prompt = _continued(asked.prompt, live.text, live.tokens - had)

    def stopped(self, asked: PromptSent, thread: Thread, live: LiveAnswer) -> FinishedAnswer:
        """What there is of an answer that nobody wants more of. An engine that is cut off counts nothing: the tokens
        are our deltas, and the prompt's an estimate."""
        prompt_tokens = sum(map(estimate, asked.prompt.messages)) if asked.sent else 0
        whole = self._whole(thread, live, STOPPED, live.tokens, prompt_tokens)
        return _made_of(whole, thread, asked.prompt)

    def _whole(
        self, thread: Thread, live: LiveAnswer, reason: str, spent: int, prompt_tokens: int = 0
    ) -> FinishedAnswer:
        return FinishedAnswer(
            live.text,
            prompt_tokens=prompt_tokens,
            completion_tokens=spent,
            finish_reason=reason,
            earlier_tokens=thread.partial_tokens,
            uncounted_tokens=thread.uncounted_by(self.session_id),
        )

    async def _stream(self, prompt: Prompt, live: LiveAnswer) -> Finished:
        async with aclosing(self.engine.stream(prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return event
                self.engine_watch.sign_of_life()
                if len(event.text.encode(errors="replace")) > live.room:
                    live.add(beginning(event.text, live.room))
                    raise _Full
                live.add(event.text)
        raise EngineFailed("The engine's stream ended without an end.")


def _with_more_room(prompt: Prompt, finished: Finished) -> Prompt | None:
    """The prompt to go on with, when the context's end has cut an answer off that had hardly begun."""
    if finished.finish_reason != "length" or prompt.max_tokens is None:
        return None
    hardly_begun = finished.completion_tokens < min(MIN_ANSWER_TOKENS, prompt.max_tokens)
    return shorter(prompt) if hardly_begun else None


def _made_of(answer: FinishedAnswer, thread: Thread, prompt: Prompt) -> FinishedAnswer:
    """With what it was made of, and without."""
    return replace(answer, trimmed_messages=trimmed_messages(thread, prompt), memories=remembered(prompt))


def refused(error: PromptRejected) -> FinishedAnswer:
    """The end of one that is not asked."""
    return _failed("", error.reason, str(error))


def _failed(text: str, code: str, message: str) -> FinishedAnswer:
    return FinishedAnswer(text, error=AnswerError(code, message))


def _continued(prompt: Prompt, text: str, tokens: int) -> Prompt:
    """The same prompt, to go on after `text`."""
    asked = prompt.messages[:-1] if prompt.continues else prompt.messages
    left = None if prompt.max_tokens is None else max(1, prompt.max_tokens - tokens)
    return replace(prompt, messages=(*asked, Message("assistant", text)), max_tokens=left)
