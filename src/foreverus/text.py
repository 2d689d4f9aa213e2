"""Text that people write: what of it can be kept, shown and passed on. Pure.

JSON can say more than UTF-8 can carry (half of a surrogate pair), a table more than PostgreSQL (U+0000), and a line of
JSON more than a reader who splits at Unicode's line breaks takes for one line. Each of these is decided here, once.
"""

import re

# At least one character that leaves a mark: no space, no control character, nothing of zero width, no filler. The
# schemas' `pattern` is this text (tests/unit/test_text.py), which JavaScript reads alike.
VISIBLE = (
    "[^\\s\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

_visible = re.compile(VISIBLE)
_half = re.compile("[\ud800-\udfff]")
_SHOWN = 60  # characters of somebody's text that an error repeats


def is_blank(text: str) -> bool:
    """Nothing in it can be seen.

    >>> is_blank(" \\u200b\\u3000"), is_blank(" . ")
    (True, False)
    """
    return _visible.search(text) is None


def half_character(text: str) -> int | None:
    """Where half of a surrogate pair stands without its other half (counted from 0), which no UTF-8 can carry."""
    if text.isascii():
        return None
    found = _half.search(text)
    return found.start() if found else None


def whole(text: str) -> str:
    """The same text in characters that UTF-8 has: two halves that belong together are joined, others become U+FFFD.

    >>> whole("\\ud83d\\ude00 \\ud83d") == "\\U0001f600 \\ufffd"
    True
    """
    if half_character(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def for_postgresql(text: str) -> str:
    """As PostgreSQL takes it: whole characters, and U+FFFD for U+0000, which its text type does not have.

    >>> for_postgresql("a\\u0000b") == "a\\ufffdb"
    True
    """
    return whole(text).replace("\0", "\ufffd")


def beginning(text: str, most_bytes: int) -> str:
    """As much of it as fits so many bytes of UTF-8, in whole characters.

    >>> beginning("a\u00e9\u00e9", 4), beginning("abc", 0)
    ('a\u00e9', '')
    """
    if len(text) * 4 <= most_bytes:
        return text
    data = text.encode(errors="replace")
    return text if len(data) <= most_bytes else data[: max(most_bytes, 0)].decode(errors="ignore")


def shortened(text: str, most: int = _SHOWN) -> str:
    """The beginning of a text that is too long to be repeated in an error."""
    return text if len(text) <= most else text[: most - 1] + "…"


def quoted(text: str) -> str:
    """Somebody's text as an error shows it: short, on one line, with what cannot be seen spelled out.

    >>> quoted("a\\nb")
    "'a\\\\u000ab'"
    """
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shortened(text)) + "'"
