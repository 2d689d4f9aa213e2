"""A short title for a conversation that has none, made by the model from its first exchange. Pure.

It stands in an item of its own beside the messages, and is shown where the person has given none: so it takes no
person's title away, whenever that comes.
"""

import re

from foreverus.backends.port import Message, Prompt
from foreverus.conversations.prompt import Thread
from foreverus.conversations.records import Conversation, FinishedAnswer
from foreverus.text import beginning, is_blank

MOST_CHARACTERS = 60
MOST_TITLE_TOKENS = 32  # 60 characters are some twenty of them
MOST_SHOWN_BYTES = 2_000  # of question and answer each: their beginning says what it is about
WORDLESS = "(an image, without words)"
ASK = (
    "Write a title for this conversation: at most six words, in the language of the conversation, in one line, without "
    "quotation marks. Answer with the title alone."
)

_LABEL = re.compile(r"^\s*(?:title|título|titulo|titre|titel|titolo)\s*:\s*", re.IGNORECASE)
_AROUND = " \t\"'`*_#“”‘’«»„‚‹›「」『』.:-–—"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTES = re.compile(r"[\"“”«»„「」『』`]")


def wants_title(conversation: Conversation, thread: Thread, answer: FinishedAnswer) -> bool:
    """The first exchange of a conversation that its person gave no title."""
    first = not conversation.title and not thread.earlier and not thread.unread
    return first and answer.error is None and not is_blank(answer.content)


def title_prompt(question: str, answer: str) -> Prompt:
    """`question`: empty: images without words."""
    asked = beginning(question or WORDLESS, MOST_SHOWN_BYTES)
    said = f"Question:\n{asked}\n\nAnswer:\n{beginning(answer, MOST_SHOWN_BYTES)}"
    return Prompt((Message("system", ASK), Message("user", f"{said}\n\n{ASK}")), MOST_TITLE_TOKENS, 0.0)


def first_words(question: str) -> str:
    """What a conversation is called until it has a title: its first question's first line, cut at a word.

    >>> first_words(" Por que o céu é azul?\\nE o mar?"), len(first_words("palavra " * 20))
    ('Por que o céu é azul?', 56)
    """
    line = next((line for line in (_CONTROL.sub(" ", one) for one in question.splitlines()) if not is_blank(line)), "")
    words = " ".join(line.split())
    return words if len(words) <= MOST_CHARACTERS else _cut(words, MOST_CHARACTERS - 1) + "…"


def _cut(words: str, most: int) -> str:
    """At a word, where one ends in the second half."""
    cut = words[: most + 1].rpartition(" ")[0]
    return cut if len(cut) > most // 2 else words[:most]


def read_title(written: str) -> str:
    """One line of at most 60 characters, without quotation marks; empty where the model has written none.

    >>> read_title('Título: "Por que o céu é azul"\\nExplicação')
    'Por que o céu é azul'
    >>> read_title("**A long title** " + "word " * 20), read_title(' "" ')
    ('A long title word word word word word word word word word', '')
    """
    lines = [line for line in (_CONTROL.sub(" ", one) for one in written.splitlines()) if not is_blank(line)]
    line = _LABEL.sub("", lines[0].strip(_AROUND)) if lines else ""
    words = _QUOTES.sub("", line).replace("**", "").split()
    title = " ".join(words)
    if len(title) > MOST_CHARACTERS:
        title = _cut(title, MOST_CHARACTERS)
    title = title.strip(_AROUND)
    return "" if is_blank(title) else title
