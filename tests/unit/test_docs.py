"""What the pages name is there, and the tour stays short enough to be walked."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOUR = (ROOT / "docs/tour.md").read_text(encoding="utf-8")
MOST_LINES = 12  # of one way through the code
MOST_WORDS = 20  # of the glossary


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_there_are_four_ways_and_each_can_be_walked() -> None:
    ways = sections(TOUR)
    assert len(ways) == 4
    for name, way in ways.items():
        lines = [line for line in way.splitlines() if line.strip()]
        assert 0 < len(lines) <= MOST_LINES, name


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|statemachines|docs)/[^`]+)`", TOUR))))
def test_every_file_of_the_tour_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_file_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:src|statemachines|docs|tests|local|bench)/[\w./-]+\.\w+)`", text):
        assert (ROOT / path).exists(), f"{page} names {path}"


def test_the_picture_shows_every_room() -> None:
    picture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").split("```")[1]
    rooms = {path.name for path in (ROOT / "src/foreverus").iterdir() if (path / "__init__.py").exists()}
    assert not {room for room in rooms if not re.search(rf"\b{room}\b", picture)}


def test_the_glossary_is_short() -> None:
    glossary = sections((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))["Glossary"]
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", glossary, flags=re.MULTILINE)
    assert 10 <= len(words) <= MOST_WORDS
