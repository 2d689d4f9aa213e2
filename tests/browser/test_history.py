"""Conversations that were read on this device can be read without a line, by whoever read them and by nobody else."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.driving import answer_to, ask, looks, sign_in, standing, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

SHELL = "() => navigator.serviceWorker.ready.then(() => true)"
KEPT = """() => new Promise((done) => {
  const opening = indexedDB.open('foreverus-history');
  opening.onupgradeneeded = () => opening.transaction.abort();
  opening.onerror = () => done([]);
  opening.onsuccess = () => {
    const asking = opening.result.transaction('kept').objectStore('kept').getAllKeys();
    asking.onsuccess = () => (opening.result.close(), done(asking.result));
  };
})"""


def read(page: Page, fake: FakeCloud, text: str = "Plants make sugar of light.") -> str:
    """A conversation with one answer, once it is kept. Returns its id."""
    answer = start_answer(page, fake)
    fake.finish(answer, text)
    expect(answer_to(page)).to_have_text(text)
    conversation_id: str = answer["conversation_id"]
    wait_for_kept(page, conversation_id)
    return conversation_id


def wait_for_kept(page: Page, conversation_id: str, is_kept: bool = True) -> None:
    for _ in looks(page):
        if any(key.endswith(conversation_id) for key in page.evaluate(KEPT)) is is_kept:
            return
    raise AssertionError(page.evaluate(KEPT))


def wait_for_list(page: Page, count: int) -> None:
    for _ in looks(page):
        if sum(key.startswith("p.") for key in page.evaluate(KEPT)) == count:
            return
    raise AssertionError(page.evaluate(KEPT))


def opened_without_a_line(context: BrowserContext, fake: FakeCloud) -> Page:
    """A new tab, where nobody is signed in."""
    context.set_offline(True)
    page = context.new_page()
    page.goto(fake.url)
    return page


@pytest.mark.parametrize("is_new_tab", [False, True], ids=["reload", "closed and opened"])
def test_what_was_read_can_be_read_without_a_line(browser: Browser, fake: FakeCloud, is_new_tab: bool) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, fake)
    read(page, fake)
    wait_for_list(page, 1)
    page.evaluate(SHELL)
    if is_new_tab:
        page.close()
        page = opened_without_a_line(context, fake)
    else:
        context.set_offline(True)
        page.reload()
    expect(page.get_by_text("This device has no network")).to_be_visible()
    page.get_by_role("link", name="What is a queue?").click()
    expect(answer_to(page)).to_have_text("Plants make sugar of light.")
    expect(standing(page, "As it stood on this device at")).to_be_visible()
    expect(page.get_by_text("Your sign-in has expired", exact=False)).to_have_count(0)
    ask(page, "Asked on the bus")
    expect(page.get_by_text("waits for the line")).to_be_visible()
    context.set_offline(False)
    if is_new_tab:
        page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(answer_to(page)).to_contain_text("queued")
    expect(standing(page, "As it stood on this device at")).to_have_count(0)
    asked = [m["content"] for messages in fake.messages.values() for m in messages if m["role"] == "user"]
    assert asked == ["What is a queue?", "Asked on the bus"]
    context.close()


def test_online_nobody_sees_it_without_a_sign_in(browser: Browser, fake: FakeCloud) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, fake)
    read(page, fake)
    wait_for_list(page, 1)
    page.close()
    page = context.new_page()
    page.goto(fake.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="What is a queue?")).to_have_count(0)
    context.close()


def test_signed_out_it_is_gone_and_a_shared_computer_keeps_nothing(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    conversation_id = read(page, fake)
    page.get_by_role("link", name="Preferences").click()
    keep = page.get_by_role("checkbox", name="Keep the conversations that I open")
    expect(keep).to_be_checked()
    keep.uncheck()
    wait_for_kept(page, conversation_id, is_kept=False)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("() => indexedDB.databases()") == []
    sign_in(page, fake)  # the choice is the device's
    page.get_by_role("link", name="Preferences").click()
    expect(keep).not_to_be_checked()
    page.get_by_role("link", name="Chats").click()
    page.get_by_role("link", name="What is a queue?").click()
    expect(answer_to(page)).to_have_text("Plants make sugar of light.")
    page.wait_for_timeout(2_500)  # longer than a conversation that is kept takes to be
    assert page.evaluate(KEPT) == []


def test_what_was_deleted_is_not_kept(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    here, elsewhere = read(page, fake), ""
    page.get_by_role("button", name="New conversation").click()
    elsewhere = read(page, fake, "Another answer.")
    del fake.conversations[elsewhere]
    page.reload()
    wait_for_kept(page, elsewhere, is_kept=False)
    wait_for_kept(page, here)
    page.clock.install()
    page.get_by_role("link", name="What is a queue?").click()
    page.get_by_role("button", name="Delete conversation").click()
    page.clock.run_for(10_000)
    wait_for_kept(page, here, is_kept=False)
