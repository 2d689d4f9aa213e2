"""Events that a browser sends a moment late, when what they are about has left the page: they do nothing there."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, open_shortcuts, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_usage_page import with_use

pytestmark = pytest.mark.browser

# A browser tells of these in a task or a frame of their own, not at once.
LATE = ["scroll", "scrollend", "toggle", "close", "cancel", "load", "error", "transitionend", "animationend", "blur"]

HOLD = "() => void (window.held = [...(window.held ?? []), ...document.querySelectorAll('body *')])"
TELL = """(names) => {
  const gone = window.held.filter((one) => !one.isConnected);
  for (const one of gone) for (const name of names) one.dispatchEvent(new Event(name));
  return gone.length;
}"""
VIEWS = ["#b", "#u", "#k", "#p", "#n=another"]


def test_what_has_left_the_page_hears_an_event_and_does_nothing(page: Page, fake: FakeCloud) -> None:
    """An error on the console fails it: see the fixture `page`."""
    fake.have_conversations("First", "Second")
    with_use(fake)
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "An answer")
    expect(answer_to(page)).to_have_attribute("aria-busy", "false")
    open_shortcuts(page)
    page.evaluate(HOLD)
    page.keyboard.press("Escape")
    for view in VIEWS:
        page.evaluate("(view) => void (location.hash = view)", view)
        page.wait_for_timeout(300)  # whatever stands there by then
        page.evaluate(HOLD)
    assert page.evaluate(TELL, LATE) > 100
    page.get_by_role("link", name="Second").click()
    expect(page.get_by_role("heading", name="Second")).to_be_visible()
