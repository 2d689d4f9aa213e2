"""Where a toy stands in for Mistral, nobody is told that Mistral spoke."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import ask, sign_in, start_answer_in
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

TOY = "smollm2-135m-instruct"


def test_a_toys_answers_have_its_name_and_a_line_that_says_what_they_are(page: Page, fake: FakeCloud) -> None:
    fake.batches.model = TOY
    sign_in(page, fake)
    fake.finish(start_answer_in(page, fake), "Blue is three.")
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article", name=TOY)).to_have_text("Blue is three.")
    expect(log.get_by_role("article", name="Mistral")).to_have_count(0)
    expect(log.get_by_text("a small model for demonstrations: what it says makes no sense")).to_be_visible()
    page.get_by_text("Export", exact=False).first.click()
    with page.expect_download() as written:
        page.get_by_role("button", name="Markdown, to read").click()
    text = Path(written.value.path()).read_text(encoding="utf-8")
    assert TOY in text and "Mistral" not in text


def test_of_mistral_nothing_of_the_kind_is_said(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    ask(page, "What is a queue?")
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article", name="Mistral")).to_be_visible()
    expect(log.get_by_text("makes no sense")).to_have_count(0)
