"""The runbook: a page for each alarm and each error name, none for what is not there, no link to nowhere."""

import re
from pathlib import Path

import pytest

from foreverus import errors
from foreverus.conversations.bedrock.takeover import Why
from foreverus.doctor.names import ALARM_PAGES, ALARMS, ERROR_PAGES, alarm_page
from tests.template.template import resources

ROOT = Path(__file__).parents[2]
PARTS = ["People see", "Look", "Do", "It is over when"]
PAGES = ("docs/runbook.md", ALARM_PAGES, ERROR_PAGES)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    found = re.split(r"^## (.+)$", text(page), flags=re.MULTILINE)[1:]
    assert len(set(found[::2])) == len(found[::2]), "two sections of one name"
    return dict(zip(found[::2], found[1::2], strict=True))


def names() -> set[str]:
    """Every error that somebody can meet: our classes, and the codes of answers that we failed."""
    classes = {
        one.code() for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.ForeverUsError)
    }
    codes = {code for code in errors.OURS if not code.startswith("backend_") and code != "internal_error"}
    return classes - {"ForeverUsError"} | {why.value for why in Why} | codes


def test_each_alarm_has_its_page_and_no_page_is_an_orphan() -> None:
    assert set(sections(ALARM_PAGES)) == set(ALARMS) == set(resources("AWS::CloudWatch::Alarm"))


def test_each_error_has_its_page_and_no_page_is_an_orphan() -> None:
    assert set(sections(ERROR_PAGES)) == names()


@pytest.mark.parametrize(("page", "name"), [(page, name) for page in PAGES[1:] for name in sections(page)])
def test_a_page_says_what_people_see_how_to_look_what_to_do_and_when_it_is_over(page: str, name: str) -> None:
    said = re.findall(r"^- \*\*(.+?):\*\* (.+)", sections(page)[name], re.MULTILINE)
    assert [part for part, _ in said] == PARTS
    assert all(len(words) > 12 for _, words in said)


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


LINKS = [
    (page, link) for page in PAGES for link in re.findall(r"\]\(([^)#]*#?[^)]*)\)", text(page)) if "://" not in link
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_somewhere(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize("name", ALARMS)
def test_the_doctor_names_the_page(name: str) -> None:
    path, _, anchor = alarm_page(name).partition("#")
    assert anchor in anchors(ROOT / path)


def test_a_page_names_functions_parameters_and_queries_that_are_there() -> None:
    template = text("template.yaml")
    for page in PAGES[1:]:
        for name in re.findall(
            r"`([A-Z]\w+(?:Function|Gpus|Slots|Types|Days|Tokens|CapUsd|Seconds|Backend|PerDay))`", text(page)
        ):
            assert f"  {name}:" in template, f"{page}: {name}"
        for query in re.findall(r"\*(one \w+|errors by kind)\*", text(page)):
            assert f"/{query}" in template, f"{page}: the saved query {query}"
