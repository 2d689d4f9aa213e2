"""What is known of a message's conversation and its person before Bedrock is asked: one call brings it, and where the
person has documents, another one passages of them."""

from dataclasses import replace

from foreverus.aws.read_ahead import ReadAhead
from foreverus.concurrency import RunBlocking
from foreverus.conversations.answers import conversation_in
from foreverus.conversations.passages.looking import Known, Passages, look
from foreverus.conversations.records import MessageRef
from foreverus.conversations.remembered.store import memories_of
from foreverus.documents.store import has_ready


async def known_of(read: ReadAhead, message: MessageRef, passages: Passages | None, run: RunBlocking) -> Known:
    """`read`: of `MessageEnds.ahead`. `passages`: None where documents are off."""
    known = await run(_read, read, message, passages is not None)
    return replace(known, found=await look(passages, known, message, run))


def _read(read: ReadAhead, message: MessageRef, documents: bool) -> Known:
    return Known(
        conversation_in(read, message),
        memories_of(read, message.user_id),
        documents and has_ready(read, message.user_id),
    )
