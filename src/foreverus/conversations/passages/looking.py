"""What is known of a question's person before its prompt is built: read with one step, and passages where they have
documents and the conversation wants them. Who has none waits for nothing more."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from foreverus.concurrency import RunBlocking
from foreverus.conversations.records import Conversation, MessageRef
from foreverus.conversations.remembered.records import Memory
from foreverus.documents.records import PassagesFound
from foreverus.documents.sources import WhyNone

WAIT_S = 4  # for passages, before an answer is begun without; the function goes on, so that the next question is quick
CONNECT_S = 1
MOST_S = CONNECT_S + WAIT_S


class Passages(Protocol):
    """The real one is `asking.py`'s."""

    def any_of(self, user_id: str) -> bool:
        """Whether the person has a document that can be asked."""

    def find(self, message: MessageRef) -> PassagesFound:
        """For the message's question, in a few seconds at most. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """`conversation`: None where it was deleted. `found`: None where nobody looked for passages."""

    conversation: Conversation | None
    memories: list[Memory]
    has_documents: bool = False
    found: PassagesFound | None = None

    @property
    def wants_passages(self) -> bool:
        return self.has_documents and self.conversation is not None and self.conversation.documents


async def look(passages: Passages | None, known: Known, message: MessageRef, run: RunBlocking) -> PassagesFound | None:
    """None: nobody looked. Where its threads are all taken it waits no longer for one than for the function."""
    if passages is None or not known.wants_passages:
        return None
    try:
        async with asyncio.timeout(MOST_S):
            return await run(passages.find, message)
    except TimeoutError:
        return PassagesFound(why=WhyNone.UNAVAILABLE)
