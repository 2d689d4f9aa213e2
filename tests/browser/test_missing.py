"""What cannot be fetched says so where it would stand, can be asked for again, and comes by itself with the line."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.driving import answer_to, sign_in, start_answer, start_answer_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_usage_page import with_use

pytestmark = pytest.mark.browser

AREAS = {  # the address asked, and what stands there once it came
    "Usage": ("/usage?group_by=day,backend,person,kind", "of at most $20.00 ("),
    "Keys": ("/keys", "No keys yet"),
    "Batches": ("/batches", "No batch yet"),
}


@pytest.mark.parametrize("area", AREAS)
def test_a_view_whose_first_answer_fails_can_be_asked_again(page: Page, fake: FakeCloud, area: str) -> None:
    path, there = AREAS[area]
    sign_in(page, fake)
    with_use(fake)
    fake.troubles += [("GET", path, 400)] * 2
    page.get_by_role("link", name=area, exact=True).click()
    missing = page.get_by_text("This could not be fetched just now.").first
    expect(missing).to_be_visible()
    again = page.get_by_role("button", name="Fetch it again")
    again.click()
    expect(again).to_be_visible()  # the second failure
    again.click()
    expect(again).to_have_count(0)
    expect(page.get_by_text(there, exact=False).first).to_be_visible()


def test_a_conversation_that_could_not_be_fetched_comes_with_the_line(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    expect(answer_to(page)).to_have_text("A line.")
    (conversation_id,) = fake.conversations
    page.evaluate("indexedDB.deleteDatabase('foreverus-history')")
    fake.troubles.append(("GET", "/messages", 500))
    page.goto(f"{fake.url}/#c={conversation_id}")
    page.reload()
    expect(answer_to(page)).to_have_text("A line.")


@pytest.mark.parametrize("part", ["UsageView", "KeysView", "BatchNew"])
def test_a_part_of_the_page_that_is_not_there_is_offered_again(browser: Browser, fake: FakeCloud, part: str) -> None:
    context = browser.new_context(locale="en-US", service_workers="block")  # nothing of the page is kept
    page = context.new_page()
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort()

    context.route(re.compile(rf"/assets/{part}-"), lose)
    with_use(fake)
    sign_in(page, fake)
    page.get_by_role("link", name={"UsageView": "Usage", "KeysView": "Keys", "BatchNew": "Batches"}[part]).click()
    expect(page.get_by_text("This part of the page could not be fetched.", exact=False).first).to_be_visible()
    assert lost
    context.unroute(re.compile(rf"/assets/{part}-"))
    page.get_by_role("button", name="Fetch it again").click()
    name = {"UsageView": "Usage", "KeysView": "API keys", "BatchNew": "New batch"}[part]
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    context.close()


def test_code_that_a_button_needs_and_that_is_not_there_is_told_of(browser: Browser, fake: FakeCloud) -> None:
    context = browser.new_context(locale="pt-BR", service_workers="block")
    page = context.new_page()
    context.route(re.compile(r"/assets/exports-"), lambda route: route.abort())
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    answer = start_answer_in(page, fake)
    fake.finish(answer, "A line.")
    page.get_by_text("Exportar").first.click()
    page.get_by_role("button", name="Markdown").first.click()
    expect(page.get_by_role("alert").filter(has_text="Não foi possível buscar esta parte da página.")).to_be_visible()
    context.close()


def test_that_the_line_was_gone_is_not_said_any_more_once_it_is_back(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    page.context.set_offline(True)
    page.get_by_role("button", name="Rename").click()
    page.keyboard.type("Queues")
    page.keyboard.press("Enter")
    notice = page.get_by_role("alert").filter(has_text="No answer from the server")
    expect(notice).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(notice).to_have_count(0)


def test_preferences_that_could_not_be_fetched_are_fetched_again(page: Page, fake: FakeCloud) -> None:
    fake.troubles.append(("GET", "/me", 500))
    with fake.held("/v1/me"):  # it fails when the page is live: a line that comes back would ask again by itself
        sign_in(page, fake)
    page.get_by_role("link", name="Preferences").click()
    sounds = page.get_by_role("checkbox", name="sound", exact=False)
    expect(sounds).to_be_disabled()
    page.get_by_role("button", name="Fetch it again").click()
    expect(sounds).to_be_enabled()
    expect(page.get_by_role("button", name="Fetch it again")).to_have_count(0)
