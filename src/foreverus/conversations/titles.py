"""A short title for a conversation that has none, made by the model from its first exchange. Pure.

It stands in an item of its own beside the messages, and is shown where the person has given none: so it takes no
person's title away, whenever that comes.
"""

import re

from foreverus.backends.port import Message, Prompt
from foreverus.text import beginning, is_blank

MOST_CHARACTERS = 60
MOST_TITLE_TOKENS = 32  # 60 characters are some twenty of them
MOST_SHOWN_BYTES = 2_000  # of question and answer each: their beginning says what it is about
ASK = (
    "Write a title for this conversation: at most six words, in the language of the conversation, in one line, without "
    "quotation marks. Answer with the title alone."
)

_LABEL = re.compile(r"^\s*(?:title|título|titulo|titre|titel|titolo)\s*:\s*", re.IGNORECASE)
_AROUND = " \t\"'`*_#“”‘’«»„‚‹›「」『』.:-–—"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTES = re.compile(r"[\"“”«»„「」『』`]")


def title_prompt(question: str, answer: str) -> Prompt:
    said = f"Question:\n{beginning(question, MOST_SHOWN_BYTES)}\n\nAnswer:\n{beginning(answer, MOST_SHOWN_BYTES)}"
    return Prompt((Message("system", ASK), Message("user", f"{said}\n\n{ASK}")), MOST_TITLE_TOKENS, 0.0)


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
        cut = title[: MOST_CHARACTERS + 1].rpartition(" ")[0]
        title = cut or title[:MOST_CHARACTERS]
    title = title.strip(_AROUND)
    return "" if is_blank(title) else title
