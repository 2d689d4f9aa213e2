"""What the paced engine answers to a request. Pure.

It counts, a number for each token, so that a word that is missing or comes twice shows: `1 2 3 …` up to `max_tokens`,
to the end of the context without it. A last message of the assistant is continued. A user may give an order:

    count to 40                     and no further; the answer ends with `stop`
    count to 40, then at 7: cut     and misbehaves at 7: in one of the ways in MISHAPS and REFUSALS the first time that
                                    it is asked, in one of those in POISON each time
"""

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

MISHAPS = ("garbage", "cut", "error", "no_end", "refusal")  # what a stream can suffer
REFUSALS = ("busy",)  # 429, of whole answers
POISON = ("crash",)  # the engine dies of it
_ORDER = re.compile(r"count to (\d+)(?:, then at (\d+): (\w+))?")
_WORDS = ["1"]


class TooLong(Exception):
    """The prompt does not fit the context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(
            f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
        )


@dataclass(frozen=True)
class Answer:
    """`prefill`: the text that `words` continue. `fails_at`: how many words come before the mishap."""

    order: str
    prefill: str
    words: Sequence[str]
    finish_reason: str
    prompt_tokens: int
    mishap: str = ""
    fails_at: int = 0


def answer_to(body: dict[str, Any], context: int) -> Answer:
    """Raises TooLong, and LookupError or TypeError for what is no request.

    >>> answer_to({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3}, 100).words
    ['1', ' 2', ' 3']
    >>> answer_to({"prompt": "count to 2", "max_tokens": 9, "stop": ["0"]}, 100).finish_reason
    'stop'
    """
    messages = _messages(body)
    prefill = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
    asked = next((one["content"] for one in reversed(messages) if one["role"] == "user"), "")
    prompt_tokens = tokens_of(body)
    if prompt_tokens >= context:
        raise TooLong(prompt_tokens, context)
    first = _next_number(prefill)
    limit = min(body.get("max_tokens") or context, context - prompt_tokens)
    last, mishap, at = first - 1 + limit, "", 0
    if order := _ORDER.search(asked):
        last = min(last, int(order[1]))
        mishap, at = order[3] or "", int(order[2] or 0)
    words, stopped = _until(body.get("stop"), numbers(first, last))
    is_whole = stopped or (order is not None and last == int(order[1]))
    in_reach = mishap in ("refusal", *REFUSALS) or first <= at < first + len(words)
    return Answer(
        order=asked if order else "",
        prefill=prefill,
        words=words,
        finish_reason="stop" if is_whole else "length",
        prompt_tokens=prompt_tokens,
        mishap=mishap if in_reach else "",
        fails_at=at - first,
    )


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    found = body.get("messages") or [{"role": "user", "content": body["prompt"]}]
    return [{**one, "content": _words_of(one["content"])} for one in found]


def _words_of(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(one["text"] for one in content if one["type"] == "text")


def shown_in(body: dict[str, Any]) -> list[str]:
    """SHA-256 of the bytes of each image that came with it: nobody sees them here, and no answer says so."""
    parts = [part for one in body.get("messages", ()) if isinstance(one["content"], list) for part in one["content"]]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [sha256(b64decode(url.partition(";base64,")[2], validate=True)).hexdigest() for url in urls]


def tokens_of(body: dict[str, Any]) -> int:
    """A word of the prompt is a token."""
    return sum(len(one["content"].split()) for one in _messages(body))


def numbers(first: int, last: int) -> list[str]:
    """The words of a count.

    >>> numbers(3, 5)
    [' 3', ' 4', ' 5']
    """
    while len(_WORDS) < last:
        _WORDS.append(f" {len(_WORDS) + 1}")
    return _WORDS[first - 1 : max(last, 0)]


def _next_number(prefill: str) -> int:
    said = prefill.split()
    if not said:
        return 1
    return (int(said[-1]) if said[-1].isdecimal() else len(said)) + 1


def _until(stop: str | list[str] | None, words: list[str]) -> tuple[list[str], bool]:
    """The words before the first of these texts, and whether there was one.

    >>> _until(["3"], ["1", " 2", " 3"])
    (['1', ' 2', ' '], True)
    """
    text = "".join(words)
    found = [text.find(one) for one in ([stop] if isinstance(stop, str) else stop or []) if one in text]
    if not found:
        return words, False
    kept, left = [], min(found)
    for word in words:
        if not left:
            break
        kept.append(word[:left])
        left -= len(kept[-1])
    return kept, True
