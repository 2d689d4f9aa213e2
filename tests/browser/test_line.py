"""What the page says of its line, and what becomes of what is typed meanwhile: refused, unreachable and late differ."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, ask, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

EXPIRED = """() => {
  const key = Object.keys(sessionStorage).find((name) => name.startsWith('foreverus.user:'));
  const user = JSON.parse(sessionStorage.getItem(key));
  sessionStorage.setItem(key, JSON.stringify({...user, expires_at: Date.now() / 1000 - 5}));
}"""


def test_a_device_without_a_network_is_told_so_and_what_is_typed_goes_when_it_is_back(
    page: Page, fake: FakeCloud
) -> None:
    sign_in(page, fake)
    page.evaluate(EXPIRED)  # so that a renewal finds no network, too
    page.context.set_offline(True)
    expect(page.get_by_text("This device has no network")).to_be_visible()
    expect(page.get_by_role("region", name="GPU", exact=True)).to_contain_text("Last known at")
    ask(page, "A question from the bus")
    ask(page, "And another")
    expect(page.get_by_text("waits for the line")).to_have_count(2)
    expect(page.get_by_text("Your sign-in has expired", exact=False)).to_have_count(0)
    page.context.set_offline(False)
    expect(page.get_by_text("waits for the line")).to_have_count(0)
    expect(answer_to(page)).to_contain_text("queued")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="GPU", exact=True)).not_to_contain_text("Last known at")
    asked = [m["content"] for messages in fake.messages.values() for m in messages if m["role"] == "user"]
    assert asked == ["A question from the bus", "And another"]


def test_a_server_that_does_not_answer_is_no_refusal_and_nothing_is_claimed(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.evaluate(EXPIRED)
    fake.unreachable = True
    fake.drop_lines()
    expect(page.get_by_text("The server does not answer")).to_be_visible()
    expect(page.get_by_role("region", name="GPU", exact=True)).to_contain_text("Last known at")
    expect(page.get_by_text("Your sign-in has expired", exact=False)).to_have_count(0)
    page.reload()  # nobody is signed out by that, though their token is over
    expect(page.get_by_role("heading", name="It is not known whether a GPU is on")).to_be_visible()
    expect(page.get_by_text("ana@example.com")).to_be_visible()
    fake.unreachable = False
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_a_page_that_has_never_heard_says_that_it_does_not_know(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.troubles += [("GET", "/sessions", 503)] * 20
    page.reload()
    expect(page.get_by_text("Not known yet.")).to_be_visible()
    expect(page.get_by_text("No session yet", exact=False)).to_have_count(0)
    expect(page.get_by_role("button", name="Switch on a GPU")).to_be_disabled()


def test_what_waits_for_the_line_survives_a_reload_and_is_sent_once(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    fake.troubles += [("POST", "/messages", 0)] * 4  # done, and never answered: four times the same key
    ask(page, "Once only")
    expect(page.get_by_text("waits for the line")).to_be_visible(timeout=30_000)
    page.reload()
    expect(answer_to(page)).to_contain_text("queued")
    expect(page.get_by_role("article", name="You")).to_have_text(["What is a queue?", "Once only"])
    assert len(fake.answers()) == 2


def test_what_waits_can_be_taken_back_and_edited(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.context.set_offline(True)
    ask(page, "Not like this")
    page.get_by_role("button", name="Back to editing").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Not like this")
    page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert fake.answers() == []
