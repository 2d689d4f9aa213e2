"""Titles on the GPU: asked for when a conversation's first answer is saved, beside everything else."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.backends.port import Backend, Completion, Prompt
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.conversations.entitling import TitleNews
from foreverus.conversations.records import FinishedAnswer, MessageRef, Question, Title
from foreverus.conversations.titles import read_title, title_prompt
from foreverus.worker.slots import Priority, Slots

log = logging.getLogger(__name__)

TITLE_TRIES = 3  # each time that somebody who chats needs the slot


@dataclass(frozen=True, kw_only=True)
class TitleWriter:
    session_id: str
    engine: Backend
    slots: Slots
    answers: Answers
    news: TitleNews
    run_blocking: RunBlocking
    clock: Callable[[], datetime]

    async def write(self, message: MessageRef, question: Question, answer: FinishedAnswer) -> None:
        """Never raises: a conversation can be without a title."""
        try:
            if not await self.run_blocking(self.answers.is_untitled, message):
                return
            whole = await self._ask(title_prompt(question.content, answer.content))
            if whole:
                title = Title(read_title(whole.text), whole.prompt_tokens, whole.completion_tokens)
                if await self.run_blocking(self.answers.entitle, message, title, self.session_id, self.clock()):
                    await self.run_blocking(self.news.tell, message, title.text)
        except Exception as err:
            log.warning("no title for %s: %r", message.conversation_id, err)

    async def _ask(self, prompt: Prompt) -> Completion | None:
        """In a slot that nobody who chats needs; None where they need them all."""
        for _ in range(TITLE_TRIES):
            claim = self.slots.claim(Priority.BATCH)
            try:
                await claim.granted.wait()
                asking = asyncio.create_task(self.engine.complete(prompt))
                yielding = asyncio.create_task(claim.yielding.wait())
                try:
                    await first_of(asking, yielding)
                    if asking.done():
                        return asking.result()
                finally:
                    await stop(asking, yielding)
            finally:
                claim.release()
        return None
