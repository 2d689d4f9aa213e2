"""The last rung of the capacity ladder: no GPU could be had, so Bedrock answers the messages that wait for one.

A message is left alone, and ends in the launch's error when its session is closed, where Bedrock cannot or may not
answer it: it throttles to the end, it has no word for what is asked (a temperature above 1), a cap is reached, or a
person has switched the GPU off. Only a prompt that Bedrock itself rejects ends in that.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from foreverus.api.responses import Body
from foreverus.aws.push import Push
from foreverus.backends.limiter import Limiter
from foreverus.backends.port import Backend, Completion, Prompt
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.conversations.bedrock_budget import BedrockBudget
from foreverus.conversations.frames import show_answer
from foreverus.conversations.prompt import Thread, build_prompt, most_history_bytes, shorter, trimmed_messages
from foreverus.conversations.records import (
    Answer,
    AnswerError,
    FinishedAnswer,
    MessageRef,
    Question,
    Saved,
)
from foreverus.costs.allowance import Allowance
from foreverus.errors import BackendUnavailable, EngineFailed, PromptRejected
from foreverus.sessions.pending import PendingMessage, PendingWork
from foreverus.sessions.records import Session

log = logging.getLogger(__name__)

LAST_ANSWERS_S = 60.0  # for calls in flight when no more are begun: what is cut off is paid for all the same
CALL_TRIES = 3  # of a call that fails without being throttled
SAVE_TRIES = 4
SAVE_RETRY_S = 0.5
CAP_USED_UP = 100  # percent: the notice that ends a session


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def others(self, session_id: str) -> list[Session]: ...


class NotAnsweredHere(Exception):
    """This message is left to the session's closing."""


@dataclass(frozen=True, kw_only=True)
class ChatsOnBedrock:
    """`calls_at_once`: the most that may be in flight."""

    pending: PendingWork
    answers: Answers
    sessions: Sessions
    backend: Backend
    budget: BedrockBudget
    push: Push
    context_tokens: int
    calls_at_once: int
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread

    def run(self, session_id: str, seconds: float) -> Body:
        """Answers what waits, for `seconds` at most; returns `{session_id, answered, left}`. Safe to run twice: an
        answer is saved once, and what was answered does not wait any more.

        Nothing is answered beside another session with a GPU: its worker has these messages in hand.
        """
        return asyncio.run(self.answer(session_id, seconds))

    async def answer(self, session_id: str, seconds: float) -> Body:
        session = await self.run_blocking(self.sessions.get, session_id)
        others = await self.run_blocking(self.sessions.others, session_id)
        if session is None or any(one.instance_id for one in others):
            return {"session_id": session_id, "answered": 0, "left": 0}
        run = _Run(self, session, await self.run_blocking(self.budget.allowance, session))
        await run.run(seconds)
        await self.run_blocking(self.budget.count_what_came_late, session_id)
        await self.run_blocking(self.budget.release, session, run.uncounted)
        return {"session_id": session_id, "answered": run.answered, "left": len(run.left)}


class _Run:
    """One run of `ChatsOnBedrock`: what is still allowed, and what has been answered."""

    def __init__(self, on: ChatsOnBedrock, session: Session, allowance: Allowance):
        self.on = on
        self.session = session  # as it was when this began
        self.session_id = session.session_id
        self.allowance = allowance
        self.limiter = Limiter(on.calls_at_once)
        self.closed = False  # no call is begun any more
        self.answered = 0
        self.uncounted: list[str] = []  # messages whose calls are on the account of a session that is closed
        self.left: set[str] = set()  # conversations with a message that was not answered: none of theirs overtakes it

    async def run(self, seconds: float) -> None:
        work = asyncio.create_task(self._answer_all())
        try:
            await first_of(work, timeout=max(0.0, seconds - LAST_ANSWERS_S))
            self.closed = True
            await first_of(work, timeout=LAST_ANSWERS_S)
            if work.done():
                work.result()
        finally:
            await stop(work)

    async def _answer_all(self) -> None:
        """Until nothing new waits: who writes while others are answered has joined this session, too."""
        seen: set[str] = set()
        while not self.closed:
            waiting = [
                one for one in await self.on.run_blocking(self.on.pending.messages) if one.message_id not in seen
            ]
            if not waiting:
                return
            seen |= {one.message_id for one in waiting}
            by_conversation: dict[str, list[PendingMessage]] = {}
            for one in waiting:
                by_conversation.setdefault(one.conversation_id, []).append(one)
            await asyncio.gather(*map(self._conversation, by_conversation.values()))

    async def _conversation(self, waiting: list[PendingMessage]) -> None:
        """One after the other: the next question's prompt holds this one's answer."""
        for message in waiting:
            if message.conversation_id in self.left:
                return
            try:
                await self._message(message)
            except Exception as why:
                log.warning("%s is not answered on Bedrock: %r", message.message_id, why)
                self.left.add(message.conversation_id)
                self.closed = self.closed or isinstance(why, BackendUnavailable)

    async def _message(self, waiting: PendingMessage) -> None:
        message, on = MessageRef.of(waiting), self.on
        conversation, thread = await asyncio.gather(
            on.run_blocking(on.answers.conversation, message),
            on.run_blocking(on.answers.thread, message, most_history_bytes(on.context_tokens)),
        )
        if conversation is None or thread.question is None:
            await on.run_blocking(on.answers.drop, message)
        elif thread.stop_requested:
            await self._save(message, thread.question, thread.stopped(self.session_id))
        elif not thread.is_final:
            answer = await self._ask(waiting, conversation.system, thread)
            await self._save(message, thread.question, answer)
            if answer.charge and not await on.run_blocking(
                on.budget.keep, self.session, message.message_id, answer.charge
            ):
                self.uncounted.append(message.message_id)

    async def _ask(self, message: PendingMessage, system: str, thread: Thread) -> FinishedAnswer:
        """A whole answer, or one that says why there is none.

        An answer that a lost GPU has begun is continued where the backend can do that. Converse cannot: then it is
        written anew, and takes the place of its beginning.
        """
        uncounted = thread.uncounted_by(self.session_id)
        begun, failed = thread, 0
        prompt = build_prompt(system, begun, self.on.context_tokens)
        while True:
            try:
                whole = await self.limiter.run(lambda asked=prompt: self._call(message, asked))  # type: ignore[misc]
                break
            except PromptRejected as err:
                less = shorter(prompt) if err.reason == "context_length_exceeded" else None
                if less is not None:
                    prompt = less
                elif err.reason != "unsupported_parameter":
                    error = AnswerError(err.reason, str(err))
                    return FinishedAnswer(thread.partial, uncounted_tokens=uncounted, error=error)
                elif prompt.continues:
                    begun = replace(thread, answer=None)
                    prompt = build_prompt(system, begun, self.on.context_tokens)
                else:
                    raise NotAnsweredHere(str(err)) from err
            except EngineFailed:
                failed += 1
                if failed >= CALL_TRIES:
                    raise
        return FinishedAnswer(
            begun.partial + whole.text,
            prompt_tokens=whole.prompt_tokens,
            completion_tokens=whole.completion_tokens,
            finish_reason=whole.finish_reason,
            earlier_tokens=begun.partial_tokens,
            uncounted_tokens=uncounted,
            charge=self.on.budget.charge(whole),
            trimmed_messages=trimmed_messages(begun, prompt),
        )

    async def _call(self, message: PendingMessage, prompt: Prompt) -> Completion:
        """Raises NotAnsweredHere or SpendCapReached when it is not to be made: asked again before each try."""
        session = await self.on.run_blocking(self.on.sessions.get, self.session_id)
        if why := _why_not(session, message, self.closed):
            raise NotAnsweredHere(why)
        most_usd = self.on.budget.most_usd(prompt, self.on.context_tokens)
        self.allowance.take(most_usd)
        usd = 0.0
        try:
            await self.on.run_blocking(self.on.budget.reserve, self.session, message.message_id, most_usd)
            try:
                whole = await self.on.backend.complete(prompt)
            except (
                Exception
            ):  # of a call that is cut off nobody knows: what it has reserved stays until its time is over
                await self.on.run_blocking(self.on.budget.release, self.session, [message.message_id])
                raise
            usd = self.on.budget.charge(whole).usd
            return whole
        finally:
            self.allowance.settle(most_usd, usd)

    async def _save(self, message: MessageRef, question: Question, finished: FinishedAnswer) -> None:
        now = self.on.clock()
        saved = await self._finish(message, finished, now)
        answer = finished.record(message, self.session_id, now)
        if saved is Saved.DELETED:
            await self.on.run_blocking(self.on.answers.drop, message)
        elif saved is Saved.DUPLICATE and await self._is_stored(message, answer):
            saved = Saved.SAVED  # the reply to its saving was lost
        if saved is Saved.SAVED:
            self.answered += not finished.error
            await self.on.run_blocking(show_answer, self.on.push, question, answer)
        elif finished.charge:
            await self.on.run_blocking(self.on.answers.charge, message, self.session_id, finished.charge)

    async def _finish(self, message: MessageRef, finished: FinishedAnswer, now: datetime) -> Saved:
        for _ in range(SAVE_TRIES - 1):
            try:
                return await self.on.run_blocking(self.on.answers.finish, message, finished, self.session_id, now)
            except Exception as err:
                log.warning("saving %s: %r", message.message_id, err)
                await asyncio.sleep(SAVE_RETRY_S)
        return await self.on.run_blocking(self.on.answers.finish, message, finished, self.session_id, now)

    async def _is_stored(self, message: MessageRef, answer: Answer) -> bool:
        found = (await self.on.run_blocking(self.on.answers.thread, message, 0)).answer
        if found is None:
            return False
        same = (found.session_id, found.answered_at, found.content)
        return same == (answer.session_id, answer.answered_at, answer.content)


def _why_not(session: Session | None, message: PendingMessage, closed: bool) -> str:
    """Why no call is made for a message now; empty: it is made."""
    if closed:
        return "no time is left, or Bedrock cannot be asked"
    if not session or session.is_over:
        return "its session is closed"
    if message.created_at <= session.end_requested_at:
        return "off means off: it was accepted before the GPU was switched off"
    return "a cap is a cap" if session.spend_notice == CAP_USED_UP else ""
