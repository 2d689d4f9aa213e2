"""Everything of a person, on the page: taken along in one zip, and deleted once the words are typed."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def open_my_data(page: Page, fake: FakeCloud) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Preferences", exact=True).click()


def test_everything_is_exported_and_fetched(page: Page, fake: FakeCloud) -> None:
    open_my_data(page, fake)
    mine = page.get_by_role("region", name="My data")
    mine.get_by_role("button", name="Export everything").click()
    expect(page.get_by_role("status")).to_contain_text("is being made")
    fake.export = {"id": "export_1", "status": "ready", "bytes": 2_000_000, "url": f"{fake.url}zip?signature=x"}
    link = mine.get_by_role("link", name="Download")
    expect(link).to_have_attribute("href", f"{fake.url}zip?signature=x")
    expect(page.get_by_role("status")).to_contain_text("2")


@pytest.mark.parametrize("words", ["", "delete", "yes"])
def test_other_words_delete_nothing(page: Page, fake: FakeCloud, words: str) -> None:
    open_my_data(page, fake)
    mine = page.get_by_role("region", name="My data")
    mine.get_by_role("button", name="Delete everything…").click()
    mine.get_by_label("To go on, type").fill(words)
    expect(mine.get_by_role("button", name="Delete everything, for good")).to_be_disabled()
    mine.get_by_label("To go on, type").press("Enter")
    mine.get_by_role("button", name="Do not delete").click()
    assert ("DELETE", "/v1/me") not in fake.requests


def test_everything_is_deleted_after_the_words_and_the_receipt_is_shown(page: Page, fake: FakeCloud) -> None:
    open_my_data(page, fake)
    mine = page.get_by_role("region", name="My data")
    mine.get_by_role("button", name="Delete everything…").click()
    expect(mine).to_contain_text("35 days")
    mine.get_by_label("To go on, type").fill("delete everything")
    mine.get_by_role("button", name="Delete everything, for good").click()
    expect(page.get_by_role("status")).to_contain_text("erasure_1")
    expect(mine).to_contain_text("logs: up to 30 days")
    assert fake.requests.count(("DELETE", "/v1/me")) == 1


def test_a_conversation_says_when_it_goes(page: Page, fake: FakeCloud) -> None:
    at = {"created_at": "2026-11-01T12:00:00.000Z", "updated_at": "2026-11-01T12:00:00.000Z"}
    for name, end in (("goes", "2031-03-05T12:00:00.000Z"), ("stays", None)):
        shown = {"id": f"con_{name}", "object": "conversation", "title": name, "expires_at": end, **at}
        fake.conversations[f"con_{name}"], fake.messages[f"con_{name}"] = shown, []
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="goes").click()
    expect(page.get_by_text("If nobody writes in it, this conversation is deleted on")).to_contain_text("3/5/31")
    page.get_by_role("link", name="stays").click()
    expect(page.get_by_role("heading", name="stays")).to_be_visible()
    expect(page.get_by_text("If nobody writes in it")).to_have_count(0)
