"""Bedrock's part of an answer: streamed, asked again where that can help, and paid for whatever comes of it."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from foreverus.aws.dynamo import Write
from foreverus.aws.read_ahead import ReadAhead
from foreverus.backends.converse import CONTENT_FILTER
from foreverus.backends.port import Backend, BackendName, Finished, Prompt
from foreverus.concurrency import RunBlocking
from foreverus.conversations.answer_writes import partial_writes
from foreverus.conversations.bedrock.ends import NOTHING, CallAccount, MessageEnds
from foreverus.conversations.bedrock.seeing import NOT_FETCHED, Seeing
from foreverus.conversations.bedrock.takeover import Why
from foreverus.conversations.history import estimate
from foreverus.conversations.prompt import (
    Thread,
    build_prompt,
    held_by,
    remembered,
    shorter,
    sources_of,
    trimmed_messages,
)
from foreverus.conversations.records import AnswerError, BedrockCharge, FinishedAnswer, MessageRef, PartialAnswer
from foreverus.conversations.streaming.live import LiveAnswer
from foreverus.costs.paid_backend import most_usd
from foreverus.costs.prices import TokenPrice
from foreverus.documents.sources import Sources
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    ForeverUsError,
    ImagesNotFetched,
    NotAccepted,
    PromptRejected,
    SpendCapReached,
)
from foreverus.sessions.pending import still_waits
from foreverus.text import beginning

log = logging.getLogger(__name__)

CALL_S = 600.0  # the longest that an answer may take: 8,192 tokens at 14 a second. No call is begun with less time
CALL_TRIES = 3  # of a call that breaks off
THROTTLED_S = 30.0  # so long a person is kept waiting for a Bedrock that takes no requests
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
CUT = "length"  # the finish reason of an answer that became too long for its item, or for its call


class GiveUp(ForeverUsError):
    """Bedrock does not answer this."""

    def __init__(self, why: Why):
        super().__init__(why.value)
        self.why = why


class NoTimeLeft(ForeverUsError):
    """No call is begun that the function's own time could cut off: the next one makes it."""


class NotWanted(ForeverUsError):
    """Nobody wants an answer any more: there is a final one, it is to be stopped, or its question is gone."""


class _TooLong(Exception):
    """The answer has as many bytes as one may have."""


@dataclass
class Asking:
    """One message while Bedrock is asked for its answer. `read`: what was read for it. `spent`: what broken calls have
    taken, by estimate: of a call without an end Bedrock says nothing. `begun`: the table says that it is in work."""

    thread: Thread
    system: str
    live: LiveAnswer
    account: CallAccount
    deadline: float  # on the loop's clock
    call: str  # a name that no other call of the function has for this message
    read: ReadAhead | None = None
    prompt: Prompt = field(init=False)
    spent: BedrockCharge = NOTHING
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False  # a call is under way

    @property
    def charge(self) -> BedrockCharge | None:
        return self.spent if self.spent.usd else None

    @property
    def sources(self) -> Sources | None:
        return sources_of(replace(self.thread, answer=None), self.prompt)

    def build(self, context_tokens: int) -> None:
        """An answer that was begun is written anew: Converse continues nothing."""
        self.prompt = build_prompt(self.system, replace(self.thread, answer=None), context_tokens)


def begin_writes(message: MessageRef, partial: PartialAnswer) -> tuple[Write, ...]:
    """The part of a transaction with which an answer is in work, where somebody wants it and it waits for Bedrock."""
    return (*partial_writes(message, partial, ""), still_waits(message.message_id, BackendName.BEDROCK))


@dataclass(frozen=True, kw_only=True)
class BedrockAsker:
    backend: Backend
    ends: MessageEnds
    price: TokenPrice
    context_tokens: int
    clock: Callable[[], datetime]
    run_blocking: RunBlocking
    seeing: Seeing | None = None  # who answers where there are images

    async def ask(self, one: Asking) -> FinishedAnswer:
        """A whole answer, or one that says why there is none. Raises NotWanted, GiveUp, NoTimeLeft."""
        loop = asyncio.get_running_loop()
        failed, pause, refused_at = 0, FIRST_PAUSE_S, 0.0
        while True:
            if loop.time() + CALL_S > one.deadline:
                raise NoTimeLeft
            try:
                await self._reserve(one)
                finished = await self._stream(one)
                return self._whole(one, finished)
            except _TooLong:
                return self.cut(one, CUT)
            except PromptRejected as err:
                if err.reason == "unsupported_parameter":
                    raise GiveUp(Why.UNSUPPORTED) from err
                less = shorter(one.prompt) if err.reason == "context_length_exceeded" else None
                if less is None:
                    return self._failed(one, err.reason, str(err))
                one.prompt = less
            except BackendUnavailable as err:
                log.warning("Bedrock cannot be asked: %s", err)
                raise GiveUp(Why.UNAVAILABLE) from err
            except EngineBusy as err:
                now = loop.time()
                refused_at = now if one.live.tokens or not refused_at else refused_at
                self._broken(one)
                if now - refused_at + pause > THROTTLED_S:
                    raise GiveUp(Why.THROTTLED) from err
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads the refused apart
                pause = min(2 * pause, LONGEST_PAUSE_S)
            except EngineFailed as err:
                failed += 1
                log.warning("answer %s: call %d broke off: %s", one.live.request.message_id, failed, err)
                self._broken(one)
                if failed >= CALL_TRIES:
                    raise GiveUp(Why.FAILING) from err

    async def show_images(self, one: Asking) -> AnswerError | None:
        """Puts them into its prompt. Where they are there and cannot be read: the error that the message is to end in,
        for nobody answers as if they had not been shown."""
        if self.seeing is None or not one.thread.shows_images:
            return None
        try:
            one.prompt = await self.seeing.seen(one.prompt, one.thread, self.run_blocking)
        except ImagesNotFetched as err:
            log.warning("answer %s: %s", one.live.request.message_id, err, exc_info=True)
            return AnswerError("images_not_fetched", NOT_FETCHED)
        return None

    def cut(self, one: Asking, reason: str) -> FinishedAnswer:
        """What there is of an answer that is not read to its end. The tokens are our estimate."""
        last = self.estimated(one.prompt, one.live.tokens) if one.asked else NOTHING
        charge = one.spent + last
        return FinishedAnswer(
            one.live.text,
            prompt_tokens=last.prompt_tokens,
            completion_tokens=one.live.tokens,
            finish_reason=reason,
            charge=charge,
            trimmed_messages=trimmed_messages(replace(one.thread, answer=None), one.prompt),
            memories=remembered(one.prompt),
            sources=one.sources,
        )

    def partial(self, one: Asking) -> PartialAnswer:
        """What there is of it, with what its calls have taken so far: a function that is killed hands that on."""
        so_far = one.spent + (self.estimated(one.prompt, one.live.tokens) if one.asked else NOTHING)
        return PartialAnswer(
            one.live.text, so_far.completion_tokens, prompt_tokens=so_far.prompt_tokens, sources=one.sources
        )

    def estimated(self, prompt: Prompt, tokens: int) -> BedrockCharge:
        return self._charge(prompt, sum(map(estimate, prompt.messages)), tokens)

    def price_of(self, prompt: Prompt) -> TokenPrice:
        return self.seeing.price if self.seeing and prompt.images else self.price

    async def _reserve(self, one: Asking) -> None:
        """Before the first call with a checkpoint, if it waits for Bedrock still: from then on it is seen that the
        message is in work."""
        usd = most_usd(one.prompt, self.price_of(one.prompt), self.context_tokens) + one.spent.usd
        until = self.clock() + timedelta(seconds=CALL_S + CALL_S / 2)  # with the saving, whoever makes it is dead then
        first = () if one.begun.is_set() else begin_writes(one.live.request, self.partial(one))
        try:
            if not await self.run_blocking(self.ends.reserve, one.account, usd, until, first, one.read):
                raise NotWanted
            one.begun.set()
        except SpendCapReached as err:
            raise GiveUp(Why.CAP) from err
        except NotAccepted as err:  # the purse was busy: as if Bedrock were
            raise EngineBusy(str(err)) from err

    async def _stream(self, one: Asking) -> Finished:
        one.asked = True
        backend = self.seeing.backend if self.seeing and one.prompt.images else self.backend
        async with aclosing(backend.stream(one.prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    one.asked = False
                    return event
                if len(event.text.encode(errors="replace")) > one.live.room:
                    one.live.add(beginning(event.text, one.live.room))
                    raise _TooLong
                one.live.add(event.text)
        raise EngineFailed("Bedrock's stream ended without an end.")

    def _broken(self, one: Asking) -> None:
        """A call that broke off is paid for as far as it came, and is written anew. One that brought nothing is taken
        to cost nothing."""
        if one.live.tokens:
            one.spent += self.estimated(one.prompt, one.live.tokens)
            one.live.begin_anew()
        one.asked = False

    def _whole(self, one: Asking, finished: Finished) -> FinishedAnswer:
        charge = one.spent + self._charge(one.prompt, finished.prompt_tokens, finished.completion_tokens)
        whole = FinishedAnswer(
            one.live.text,
            prompt_tokens=finished.prompt_tokens,
            completion_tokens=finished.completion_tokens,
            finish_reason=finished.finish_reason,
            charge=charge,
            trimmed_messages=trimmed_messages(replace(one.thread, answer=None), one.prompt),
            memories=remembered(one.prompt),
            sources=one.sources,
            held=held_by(one.prompt),
        )
        if finished.finish_reason != CONTENT_FILTER:
            return whole
        return replace(whole, error=AnswerError(CONTENT_FILTER, "Bedrock's content filter stopped the answer."))

    def _failed(self, one: Asking, code: str, message: str) -> FinishedAnswer:
        return FinishedAnswer("", error=AnswerError(code, message), charge=one.charge, sources=one.sources)

    def _charge(self, prompt: Prompt, prompt_tokens: int, completion_tokens: int) -> BedrockCharge:
        return BedrockCharge.at(self.price_of(prompt), prompt_tokens, completion_tokens)
