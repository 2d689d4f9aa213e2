"""README.pt-BR.md is README.md in Portuguese: the same sections, commands, names and figures, in the same order."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH, PORTUGUESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md"))
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")


def sections(text: str) -> list[tuple[str, str]]:
    """Each heading's level with what stands below it."""
    bare = FENCE.sub(lambda fence: fence[0].replace("#", "~"), text)  # a comment in a command is no heading
    starts = list(re.finditer(r"^(#+) .+$", bare, flags=re.MULTILINE))
    ends = [found.start() for found in starts[1:]] + [len(text)]
    return [(start[1], text[start.start() : end]) for start, end in zip(starts, ends, strict=True)]


def commands(text: str) -> list[str]:
    """The lines of all fenced blocks, without comments; pictures have words of their own."""
    lines = [line for kind, block in FENCE.findall(text) if kind != "mermaid" for line in block.splitlines()]
    return [bare for line in lines if (bare := re.sub(r"\s*#.*", "", line).strip())]


def figures(text: str) -> Counter[str]:
    """The numbers of the prose, as digits: 12.00 and 26,000 are 12,00 and 26.000 in Brazil."""
    prose = SPAN.sub(" ", FENCE.sub(" ", text))
    prose = re.sub(r"\]\([^)]+\)", "]", prose)
    return Counter(re.sub(r"[.,]", "", number) for number in re.findall(r"\d+(?:[.,]\d+)*", prose))


def links(text: str) -> list[str]:
    """Where its links lead, but within the page and to the other language."""
    return [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith(("README", "#"))]


PAIRS = list(zip(sections(ENGLISH), sections(PORTUGUESE), strict=False))


def test_both_have_the_same_sections() -> None:
    assert [level for level, _ in sections(ENGLISH)] == [level for level, _ in sections(PORTUGUESE)]


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_a_section_says_the_same_in_both_languages(number: int) -> None:
    (_, english), (_, portuguese) = PAIRS[number]
    assert commands(english) == commands(portuguese)
    assert Counter(SPAN.findall(FENCE.sub("", english))) == Counter(SPAN.findall(FENCE.sub("", portuguese)))
    assert figures(english) == figures(portuguese)
    for begin in ("|", "1. ", "   - ", "- "):  # rows and points
        assert _lines(english, begin) == _lines(portuguese, begin), f"lines that begin with {begin!r}"
    assert links(english) == links(portuguese)


def _lines(text: str, begin: str) -> int:
    return sum(line.startswith(begin) for line in text.splitlines())


def test_pictures_have_the_same_arrows() -> None:
    shapes = [
        [re.sub(r"[\[({|>].*?[\])}|]+|--? .*? -?-", " ", line).split() for line in block.splitlines()]
        for text in (ENGLISH, PORTUGUESE)
        for kind, block in FENCE.findall(text)
        if kind == "mermaid"
    ]
    assert len(shapes) == 2 and len(shapes[0]) == len(shapes[1]) > 10
