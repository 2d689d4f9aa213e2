"""What a person wants remembered, and how much of it a question takes along. Pure.

A memory is one line: how many stand in a prompt is seen in the prompt, and none of them looks like two. What does not
fit the budget is not given: the newest are, as of a conversation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foreverus.conversations.history import BYTES_PER_TOKEN

MOST_MEMORIES = 50  # of a person: one item holds them, which is read with each of their questions
MOST_CHARACTERS = 300  # of one
BUDGET_TOKENS = 500  # of each question, by estimate: at Bedrock's prices US$ 0.075 for a thousand questions
HEADING = "The person you talk with asked you to remember this about them. Use it where it matters:"
_BEGIN = f"\n\n{HEADING}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """`conversation_id`: where its person said so; empty: they wrote it down by themselves."""

    memory_id: str
    text: str
    enabled: bool = True
    conversation_id: str = ""
    created_at: str = ""
    updated_at: str = ""

    @property
    def line(self) -> str:
        """As it stands in a prompt."""
        return f"- {self.text}"

    @property
    def tokens(self) -> int:
        """Of its line, on the high side."""
        return _tokens(self.line)


def one_line(text: str) -> str:
    """
    >>> one_line(" I am\\n\\u2028 called  Ana ")
    'I am called Ana'
    """
    return " ".join(text.split())


def given(memories: Iterable[Memory], budget_tokens: int = BUDGET_TOKENS) -> list[Memory]:
    """Those that a question takes along: the newest that are switched on and fit together, oldest first."""
    left, found = budget_tokens - _tokens(_BEGIN), list[Memory]()
    for one in sorted(memories, key=lambda one: one.memory_id, reverse=True):
        if one.enabled:
            left -= one.tokens
            if left < 0:
                break
            found.append(one)
    return found[::-1]


def used_tokens(memories: Sequence[Memory]) -> int:
    """What those that are given take of a question."""
    return _tokens(_BEGIN) + sum(one.tokens for one in memories) if memories else 0


def remembering(system: str, memories: Sequence[Memory]) -> str:
    """A conversation's system text with what is remembered after it.

    >>> without(remembering("Be brief.", [Memory(memory_id="memory_1", text="I am Ana.")])), remembering("", [])
    ('Be brief.', '')
    """
    return system + _BEGIN + "\n".join(one.line for one in memories) if memories else system


def without(system: str) -> str:
    """The same system text with nothing remembered."""
    before, found, _ = system.rpartition(_BEGIN)
    return before if found else system


def count(system: str) -> int:
    """How many memories stand in it.

    >>> count(remembering("Be brief.", [Memory(memory_id="memory_1", text="I am Ana.")])), count("Be brief.")
    (1, 0)
    """
    _, found, lines = system.rpartition(_BEGIN)
    return lines.count("\n") + 1 if found else 0


def _tokens(text: str) -> int:
    return int(len(text.encode()) / BYTES_PER_TOKEN + 1)
