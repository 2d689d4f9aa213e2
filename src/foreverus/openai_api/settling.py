"""What every call has that is paid for: what is set aside for it before it is made, its words and what they took, and
the counting after it, which is tried until it is done."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ParamSpec, TypeVar

from foreverus import ids
from foreverus.backends.port import Backend, Delta, Finished, Prompt, TokenUsage
from foreverus.backends.tokens import MOST_TOKENS_PER_MESSAGE, image_tokens_of, texts_of
from foreverus.concurrency import RunBlocking
from foreverus.costs.meter import month_of
from foreverus.costs.reservations import Owner, Reservation

CALL_S = 960  # the longest that API Gateway holds a stream (900 s), and the counting after it
BYTES_PER_TOKEN = 3  # fewer than English and Portuguese prose have, so what is estimated is not too little
TRIES, AGAIN_S = 4, 0.5

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


def reservation(name: str, owner: Owner, usd: Decimal, now: datetime) -> Reservation:
    """Of a call that may cost `usd`."""
    since, until = ids.timestamp(now), ids.timestamp(now + timedelta(seconds=CALL_S))
    return Reservation(month_of(since), name, owner, usd, since, until)


async def settled(
    run_blocking: RunBlocking, name: str, settle: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | None:
    """What `settle` returns, which counts the call of this name or releases its reservation. None where it fails to the
    end: the reservation stays, and the sweep counts it."""
    for attempt in range(TRIES):
        try:
            return await run_blocking(settle, *args, **kwargs)
        except Exception:
            log.exception("try %d to count the call %s failed", attempt + 1, name)
            await asyncio.sleep(AGAIN_S * 2**attempt)
    return None


class CallStream:
    """One call's words as they come, and what the call has taken so far. `said`: bytes of its answer."""

    def __init__(self, backend: Backend, prompt: Prompt):
        self._backend = backend
        self._prompt = prompt
        self._finished: Finished | None = None
        self.said = 0

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Raises what the backend's stream raises."""
        async with aclosing(self._backend.stream(self._prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    self._finished = event
                    return
                self.said += len(event.text.encode("utf-8", "replace"))
                yield event

    @property
    def finished(self) -> Finished:
        """Of a call whose deltas came to their end."""
        if self._finished is None:
            raise AssertionError("a stream without an end raises")
        return self._finished

    @property
    def used(self) -> TokenUsage:
        """As the backend said with its end; estimated of a call that is cut off before."""
        if self._finished is None:
            return estimated(self._prompt, self.said)
        return TokenUsage(self._finished.prompt_tokens, self._finished.completion_tokens)


def estimated(prompt: Prompt, said: int) -> TokenUsage:
    """Of a call that was cut off after so many bytes of its answer.

    >>> estimated(Prompt((), text="Bom dia!"), 10)
    TokenUsage(prompt_tokens=11, completion_tokens=4)
    """
    texts = (len(text.encode("utf-8", "replace")) for text in texts_of(prompt))
    asked = sum(-(-size // BYTES_PER_TOKEN) + MOST_TOKENS_PER_MESSAGE for size in texts)
    return TokenUsage(asked + image_tokens_of(prompt), -(-said // BYTES_PER_TOKEN))
