"""What becomes of a conversation in one tab is seen in the other."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import ask, sign_in
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def test_a_new_conversation_its_title_and_its_end_are_seen_in_the_other_tab(page: Page, fake: FakeCloud) -> None:
    other = page.context.new_page()
    for tab in (page, other):
        sign_in(tab, fake)
    ask(page, "Por que o céu é azul?")
    link = other.get_by_role("link", name="Por que o céu é azul?")
    expect(link).to_be_visible()
    expect(page.get_by_role("heading", name="Por que o céu é azul?")).to_be_visible()
    (id_,) = fake.conversations
    fake.entitle(id_, "A cor do céu")
    for tab in (page, other):
        expect(tab.get_by_role("link", name="A cor do céu")).to_be_visible()
    expect(page.get_by_role("heading", name="A cor do céu")).to_be_visible()
    other.get_by_role("link", name="A cor do céu").click()
    other.get_by_role("button", name="Rename").click()
    other.get_by_label("Title of the conversation").fill("Rayleigh")
    other.get_by_label("Title of the conversation").press("Enter")
    expect(page.get_by_role("heading", name="Rayleigh")).to_be_visible()
    page.get_by_role("button", name="Delete conversation").click()
    expect(other.get_by_role("link", name="Rayleigh")).to_have_count(0)
    expect(other.get_by_role("heading", name="Rayleigh")).to_have_count(0)
