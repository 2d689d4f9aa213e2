"""Titles on Bedrock: asked for once a conversation's first answer is saved and shown, beside everything else.

What the call could cost is reserved before it, and what it has cost is counted with the title in one transaction. Of a
call that was killed with its function the sweep counts the reservation (sweeps/reservations.py): nobody asks again.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.backends.port import Backend, Delta, Finished, Prompt
from foreverus.concurrency import RunBlocking
from foreverus.conversations.answers import Answers
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.entitling import TitleNews
from foreverus.conversations.history import estimate
from foreverus.conversations.records import BedrockCharge, FinishedAnswer, MessageRef, Question
from foreverus.conversations.titles import MOST_TITLE_TOKENS, read_title, title_prompt
from foreverus.costs.meter import month_of
from foreverus.costs.paid_backend import most_usd
from foreverus.costs.prices import TokenPrice
from foreverus.costs.reservations import TITLE_CALL
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, ForeverUsError, PromptRejected

log = logging.getLogger(__name__)

ASKING_S = 20.0  # for all tries; 32 tokens take one or two
FINISH_S = 25.0  # with the counting: a function with less time left asks for no title
FIRST_PAUSE_S = 1.0  # of a throttled call, then twice that, until its time is over


@dataclass(frozen=True, kw_only=True)
class BedrockTitles:
    backend: Backend
    answers: Answers
    ends: MessageEnds
    news: TitleNews
    price: TokenPrice
    clock: Callable[[], datetime]
    run_blocking: RunBlocking

    async def write(self, message: MessageRef, question: Question, answer: FinishedAnswer) -> None:
        """Never raises: a conversation can be without a title."""
        try:
            if await self.run_blocking(self.answers.is_untitled, message):
                await self._write(message, title_prompt(question.content, answer.content))
        except Exception as err:
            log.warning("no title for %s: %r", message.conversation_id, err)

    async def _write(self, message: MessageRef, prompt: Prompt) -> None:
        now = self.clock()
        name = f"{message.conversation_id}/{message.message_id}{TITLE_CALL}"
        account = CallAccount(month_of(ids.timestamp(now)), name)
        most = most_usd(prompt, self.price)
        await self.run_blocking(self.ends.reserve, account, most, now + timedelta(seconds=2 * FINISH_S))
        written, charge = await self._ask(prompt)
        if charge is None:
            return await self.run_blocking(self.ends.release, account)
        title = read_title(written)
        if await self.run_blocking(self.ends.entitle, message, title, charge, account):
            await self.run_blocking(self.news.tell, message, title)

    async def _ask(self, prompt: Prompt) -> tuple[str, BedrockCharge | None]:
        """What the model wrote (nothing, where it broke off) and what that took; None: nothing."""
        said: list[str] = []
        begun = False
        try:
            async with asyncio.timeout(ASKING_S):
                pause = FIRST_PAUSE_S
                while True:
                    begun = True
                    try:
                        finished = await self._stream(prompt, said)
                        return "".join(said), self._charge(finished.prompt_tokens, finished.completion_tokens)
                    except EngineBusy:
                        begun = bool(said)
                        if begun:
                            raise
                    await asyncio.sleep(pause)
                    pause *= 2
        except (ForeverUsError, TimeoutError) as err:
            log.warning("Bedrock wrote no title: %r", err)
            if not said and (not begun or isinstance(err, PromptRejected | BackendUnavailable | EngineFailed)):
                return "", None  # as of an answer: a call that brought nothing is taken to cost nothing
        return "", self._charge(sum(map(estimate, prompt.messages)), len(said) or MOST_TITLE_TOKENS)

    async def _stream(self, prompt: Prompt, said: list[str]) -> Finished:
        async with aclosing(self.backend.stream(prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return event
                if isinstance(event, Delta):
                    said.append(event.text)
        raise EngineFailed("Bedrock's stream ended without an end.")

    def _charge(self, prompt_tokens: int, completion_tokens: int) -> BedrockCharge:
        return BedrockCharge.at(self.price, prompt_tokens, completion_tokens)
