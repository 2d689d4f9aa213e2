"""How large a regular expression of a JSON Schema is once its repetitions are written out. Pure.

Read with an eye on size alone: which expressions there are, engines say, each in its own dialect. Time is in proportion
to the text's length, whatever it is.
"""

import re
from dataclasses import dataclass

from foreverus.text import quoted

MAX_PATTERN = 512  # characters
_ENDLESS = -1
_LARGE = 10**9  # no size is told beyond it

_ATOM = re.compile(
    r"""
    \\[pP]\{[^}]*+\}            # a property of Unicode
  | \\u\{[^}]*+\} | \\u[0-9a-fA-F]{4} | \\x[0-9a-fA-F]{2} | \\.
  | \[\^?+\]?+(?:[^\]\\]|\\.)*+\]?  # a set of characters
  | [^()|]                      # any other one
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING = re.compile(r"\((?:\?(?:<[=!]|P?<\w*+>|[:=!>]|[a-z-]*+:?))?+")
_NO_WIDTH = ("^", "$", r"\b", r"\B", r"\A", r"\Z", r"\z")
_ANY = (".", r"[\s\S]", r"[\S\s]", r"[\d\D]", r"[\D\d]", r"[\w\W]", r"[\W\w]", "[^]")
_REPEAT = re.compile(r"(?:([*+?])|\{(\d+)(,)?(\d*)\})[?+]?")


class NestedRepetition(ValueError):
    """`shown`: where it stands, short."""

    def __init__(self, shown: str):
        super().__init__(shown)
        self.shown = shown


@dataclass(slots=True)
class _Item:
    """`size`: written out. `endless`: something in it repeats without an end; `wild`: and it may be any character.
    `firm`: it is there in any case, and so marks where a round begins or ends."""

    start: int
    size: int = 1
    endless: bool = False
    wild: bool = False
    firm: bool = True


@dataclass(slots=True)
class _Group:
    """`first`, `last`: of the alternative that is being read. `firm`: of those before, each begins or ends firmly."""

    start: int
    looks: bool = False
    size: int = 0
    endless: bool = False
    wild: bool = False
    firm: bool = True
    first: _Item | None = None
    last: _Item | None = None

    def add(self, one: _Item) -> None:
        self.size = min(self.size + one.size, _LARGE)
        self.endless, self.wild = self.endless or one.endless, self.wild or one.wild
        self.first, self.last = self.first or one, one

    def end_alternative(self) -> None:
        self.firm = self.firm and any(one is not None and one.firm for one in (self.first, self.last))
        self.first = self.last = None

    def closed(self) -> _Item:
        self.end_alternative()
        return _Item(self.start, max(1, self.size), self.endless, self.wild, self.firm and not self.looks)


def pattern_size(pattern: str) -> int:
    """Places, at most 10**9. Raises NestedRepetition for what repeats without an end within a repetition, with nothing
    that tells its rounds apart: (a+)+, (.*a){20}.

    >>> pattern_size("^[a-z]{3}(-[0-9]+)*$"), pattern_size("(a{100}){100}")
    (7, 10000)
    """
    at, groups = 0, [_Group(0)]
    while at < len(pattern):
        if opening := _OPENING.match(pattern, at):
            groups.append(_Group(at, looks=opening[0].endswith(("=", "!"))))
            at = opening.end()
        elif pattern[at] == "|":
            groups[-1].end_alternative()
            at += 1
        else:
            one, at = _item(pattern, at, groups)
            while repeat := _REPEAT.match(pattern, at):
                one, at = _repeated(one, repeat, pattern), repeat.end()
            groups[-1].add(one)
    return min(sum(one.size for one in groups), _LARGE)


def _item(pattern: str, at: int, groups: list[_Group]) -> tuple[_Item, int]:
    """What stands there, without its repetition, and where it ends."""
    if pattern[at] == ")":
        return (groups.pop().closed() if len(groups) > 1 else _Item(at, 0)), at + 1
    found = _ATOM.match(pattern, at)
    text = found[0] if found else pattern[at]
    return _Item(at, wild=text in _ANY, firm=text not in _NO_WIDTH), at + len(text)


def _repeated(one: _Item, repeat: re.Match[str], pattern: str) -> _Item:
    sign, least, comma, most = repeat.groups()
    if sign:
        low, high = {"*": (0, _ENDLESS), "+": (1, _ENDLESS), "?": (0, 1)}[sign]
    else:
        low = int(least)
        high = int(most) if most else (_ENDLESS if comma else low)
    if (high == _ENDLESS or high > 1) and one.endless and (one.wild or not one.firm):
        raise NestedRepetition(quoted(pattern[one.start : repeat.end()]))
    size = min(one.size * max(1, low, high), _LARGE)
    endless = one.endless or high == _ENDLESS
    return _Item(one.start, size, endless, one.wild and endless, one.firm and low > 0 and high != _ENDLESS)
