"""What cannot fit is refused before it is kept. What only the engine's count tells, the engine refuses."""

from foreverus.backends.tokens import cannot_fit, least_tokens
from foreverus.conversations.records import MessageRef
from foreverus.conversations.store import ConversationStore
from foreverus.errors import InvalidRequest

# Of UTF-8. An item of the table has 400 KB at most, and the largest context holds more than that of some texts.
MOST_QUESTION_BYTES = 300_000
MOST_SYSTEM_TOKENS = 2000  # by the same count: a conversation's own words have 4,000 characters at most


def check_size(store: ConversationStore, context_tokens: int, ref: MessageRef, content: str) -> None:
    """Raises InvalidRequest."""
    if (size := len(content.encode())) > MOST_QUESTION_BYTES:
        message = f"The message has {size:,} bytes, the most is {MOST_QUESTION_BYTES:,}. Shorten it."
        raise InvalidRequest(message, param="content", code="context_length_exceeded")
    texts, room = [content], context_tokens - MOST_SYSTEM_TOKENS
    if len(content) >= room and least_tokens(content) >= room:
        texts.append(store.get(ref.user_id, ref.conversation_id).system)
    if least := cannot_fit(texts, context_tokens):
        holds = f"the model's context holds {context_tokens:,}, with the answer"
        both = "message and the system prompt have" if "".join(texts[1:]) else "message has"
        raise InvalidRequest(
            f"The {both} at least {least:,} tokens; {holds}. Shorten it.",
            param="content",
            code="context_length_exceeded",
        )
