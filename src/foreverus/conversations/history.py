"""How many tokens the earlier turns of a conversation have. Pure.

A backend counts exactly what it was sent and what it wrote, and says so with each whole answer. With how many turns
that prompt held, two such answers give the tokens of what stood between them: so the history is known as exactly as it
was answered, and an estimate stands only for what nobody has counted yet. Bedrock and our engine have tokenizers of one
family: what the one has counted is off by a mark or two a turn on the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foreverus.backends.port import Message
from foreverus.backends.tokens import MOST_TOKENS_PER_MESSAGE
from foreverus.conversations.shown import ShownImage, noted

BYTES_PER_TOKEN = 3.0  # Portuguese and English prose measure 3–4.5 with Mistral's tokenizer; low is safe


@dataclass(frozen=True, slots=True)
class Held:
    """What the prompt of an answer held before its question, where its backend has counted prompt and answer exactly.
    `turns`: earlier questions with their answers. `system_tokens`: our estimate of what stood before them."""

    turns: int
    system_tokens: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer, both whole. `counted`: the tokens of the prompt that the answer was made from, and of
    the answer; 0 without `held`."""

    question: str
    answer: str
    counted: int = 0
    held: Held | None = None
    images: tuple[ShownImage, ...] = ()

    @property
    def size(self) -> int:
        """UTF-8 bytes."""
        read = sum(len(one.text.encode()) for one in self.images if one.text)
        return len(self.question.encode()) + len(self.answer.encode()) + read

    @property
    def messages(self) -> tuple[Message, Message]:
        return Message("user", noted(self.question, self.images)), Message("assistant", self.answer)


def estimate(message: Message) -> int:
    """Tokens, on the high side.

    >>> estimate(Message("user", "Bom dia!"))
    11
    """
    words = int(len(message.content.encode()) / BYTES_PER_TOKEN + 1)
    return words + sum(image.tokens for image in message.images) + MOST_TOKENS_PER_MESSAGE


def turns_tokens(earlier: Sequence[Exchange]) -> list[int]:
    """For each number of the newest exchanges, from none to all of them, how many tokens they have together.

    >>> first = Exchange("a", "b", 50, Held(0, 20))
    >>> second = Exchange("c", "d", 90, Held(1, 20))
    >>> turns_tokens([first, second])
    [0, 40, 70]
    """
    upto = [0]  # tokens of the first exchanges, by how many there are
    for place, one in enumerate(earlier):
        begin = place - one.held.turns if one.held else -1
        more = sum(map(estimate, one.messages))
        if one.held and begin >= 0:
            more = upto[begin] + one.counted - one.held.system_tokens - upto[place]
        upto.append(upto[place] + max(more, 2))
    return [upto[-1] - upto[-1 - newest] for newest in range(len(upto))]
