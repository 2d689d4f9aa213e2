"""The pages' examples are commands that there are, with options that they have; docs/cli.md has every command."""

import argparse
import re
from itertools import takewhile
from pathlib import Path

import pytest

from foreverus.cli.arguments import parser
from tests.unit.test_docs_commands import PAGES, commands

PAGE = (Path(__file__).resolve().parents[3] / "docs/cli.md").read_text(encoding="utf-8")


def known(root: argparse.ArgumentParser | None = None, before: str = "") -> dict[str, argparse.ArgumentParser]:
    """Every command that does something, by its words."""
    root = root or parser()
    below = [one for one in root._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        return {before: root}
    found: dict[str, argparse.ArgumentParser] = {}
    for name, one in below[0].choices.items():
        found |= known(one, f"{before} {name}".strip())
    return found


def examples() -> list[tuple[str, tuple[str, ...]]]:
    """What stands behind `foreverus ` and is a command of ours: other programs have arguments of that name."""
    groups = {name.split()[0] for name in known()}
    found = [(page.name, words) for page in PAGES for words in commands(page.read_text(encoding="utf-8"), "foreverus")]
    cut = [(page, tuple(takewhile(lambda word: not re.match(r"[|<>&;]", word), words))) for page, words in found]
    return [(page, words) for page, words in cut if words and words[0].split("|")[0] in groups]


@pytest.mark.parametrize(("page", "words"), examples(), ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_every_example_is_understood(page: str, words: tuple[str, ...]) -> None:
    """`key_…` is an id, `…` a text; `foreverus batch …` is any of them, and `a|b` is two."""
    if words[1:2] == ("…",) or "|" in "".join(words):
        return
    parser().parse_args([word.replace("_…", "_1").replace("…", "x") for word in words])


def test_examples_are_found_on_every_page_that_has_them() -> None:
    assert {"README.md", "cli.md", "runbook.md", "security.md"} <= {page for page, _ in examples()}


@pytest.mark.parametrize("name", known())
def test_the_page_shows_every_command(name: str) -> None:
    assert f"foreverus {name}" in PAGE


@pytest.mark.parametrize("name", known())
def test_every_command_has_help(name: str) -> None:
    assert known()[name].format_help()
