"""A long conversation: messages are drawn near what is read, and stand elsewhere as they were written. All of them are
in the page: found, read aloud, linked to; and nothing that somebody does there is lost when they go far."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import looks, sign_in, wait_until_drawn
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

EXCHANGES = 100
MOST_DRAWN = 60  # some heights of what is in sight, whatever there is


def opened(page: Page, fake: FakeCloud) -> Locator:
    (long,) = fake.have_conversations("Long")
    for n in range(EXCHANGES):
        fake.accept(long, {"content": f"Question {n}?"}, f"key-{n}")
        text = f"Answer **{n}**:\n\n1. one\n2. two\n\n" + "A longer line. " * 30
        fake.messages[long][-1].update(content=text, status="answered")
    sign_in(page, fake)
    page.get_by_role("link", name="Long").click()
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article", name="Mistral").last).to_contain_text(f"Answer {EXCHANGES - 1}:")
    wait_until_drawn(page)
    return log


# Scrolls up a little in each frame, as somebody who reads does, until the question is in sight.
READ_UP_TO = """(question) => new Promise((done) => {
  const box = document.getElementById("messages");
  const step = () => {
    const found = [...box.querySelectorAll(".asked")].find((one) => one.textContent.startsWith(question));
    const here = found?.getBoundingClientRect();
    if (here && here.top >= box.getBoundingClientRect().top) return done();
    box.scrollTop -= 100;
    requestAnimationFrame(step);
  };
  step();
})"""


def up_to(page: Page, question: str) -> None:
    page.evaluate(READ_UP_TO, question)
    wait_until_drawn(page)


IN_SIGHT = """(one) => {
  const [here, box] = [one.getBoundingClientRect(), document.getElementById("messages").getBoundingClientRect()];
  return here.bottom > box.top && here.top < box.bottom;
}"""


def expect_few_drawn(page: Page) -> None:
    page.wait_for_function(f"() => document.querySelectorAll('#messages .tools').length <= {MOST_DRAWN}")


def test_only_what_is_near_is_drawn_and_all_of_it_is_there(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    expect_few_drawn(page)
    up_to(page, "Question 20?")
    expect(log.get_by_text("Answer 20:").locator("strong")).to_have_text("20")
    # What was read at the end is as it was written again: the page does not grow with all that was read.
    expect(log.get_by_role("article", name="Mistral").nth(-8)).to_contain_text(re.compile(r"^Answer \*\*92\*\*:"))
    expect_few_drawn(page)
    expect(log.get_by_role("article", name="You").last).to_have_text(f"Question {EXCHANGES - 1}?")
    log.evaluate("(box) => (box.scrollTop = box.scrollHeight)")
    expect(log.get_by_text(f"Answer {EXCHANGES - 1}:")).to_be_in_viewport()
    wait_until_drawn(page)


def test_what_stands_far_is_found_and_stays_where_it_was_found(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    found = log.get_by_role("article", name="You").filter(has_text="Question 75?")
    assert not found.evaluate(IN_SIGHT)
    assert page.evaluate("window.find('Question 75?', true, true)")
    assert page.evaluate("getSelection().anchorNode.parentElement.closest('article').textContent") == "Question 75?"
    found.evaluate("(one) => (one.focus({ preventScroll: true }), one.scrollIntoView({ block: 'center' }))")
    wait_until_drawn(page)
    expect(found).to_be_in_viewport()
    expect(found).to_be_focused()
    expect(log.locator(".asked", has_text="Question 75?").get_by_role("button", name="Edit")).to_be_visible()


def test_a_question_that_is_being_written_anew_is_not_lost_by_going_far(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    question = log.locator(".asked", has_text=f"Question {EXCHANGES - 2}?")
    question.get_by_role("button", name="Edit").click()
    log.get_by_role("textbox").fill("What I really mean")
    page.locator("#message").focus()
    up_to(page, "Question 60?")
    log.evaluate("(box) => (box.scrollTop = box.scrollHeight)")
    expect(log.get_by_role("textbox")).to_have_value("What I really mean")


def test_a_message_that_is_far_has_its_name_and_words_in_the_accessibility_tree(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    first = log.get_by_role("article", name="Mistral").first
    assert not first.evaluate(IN_SIGHT)
    assert 'article "Mistral"' in first.aria_snapshot()
    assert "A longer line. A longer line." in first.aria_snapshot()


def test_on_paper_a_conversation_is_all_its_messages_and_nothing_to_press(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    in_sight = log.evaluate("(box) => box.clientHeight")
    page.emulate_media(media="print")
    thread, first = log.locator(".thread"), log.get_by_role("article", name="You").first
    page.wait_for_function("() => document.documentElement.scrollHeight > 5 * innerHeight")  # as many pages as it needs
    assert thread.evaluate("(one) => one.getBoundingClientRect().height") > 5 * in_sight
    assert first.evaluate("(one) => one.checkVisibility({ contentVisibilityAuto: true })")
    expect(page.get_by_role("textbox", name="Message")).to_be_hidden()
    expect(log.get_by_role("button", name="Edit").last).to_be_hidden()


RIGHT = "(one) => Math.round(one.getBoundingClientRect().right)"


def test_a_questions_buttons_stand_under_it_and_the_ring_of_the_keyboard_is_whole(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    question = log.locator(".asked").last
    assert question.locator(".tools").evaluate(RIGHT) == question.locator(".question").evaluate(RIGHT)
    question.get_by_role("button", name="Edit", exact=True).click()
    box = page.get_by_label("The question anew")
    expect(box).to_be_focused()
    ring = "(one) => one.getBoundingClientRect().right + 4 <= one.closest('.piece').getBoundingClientRect().right + 1"
    assert box.evaluate(ring)


def laid_out(page: Page) -> int:
    """How many boxes and texts Chromium keeps of the page, once what nobody needs has been collected."""
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable")
    for _ in range(2):
        chromium.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in chromium.send("Performance.getMetrics")["metrics"]}
    chromium.detach()
    return int(found["LayoutObjects"])


# Goes up to the beginning by a screen in each frame, as nobody reads, and down to the end.
FLY = """() => new Promise((done) => {
  const box = document.getElementById("messages");
  let down = false;
  const step = () => {
    down ||= box.scrollTop === 0 && box.textContent.includes("Question 0?");
    box.scrollTop += down ? 600 : -600;
    if (down && box.scrollTop + box.clientHeight >= box.scrollHeight - 2) return done();
    requestAnimationFrame(step);
  };
  step();
})"""


# How often a piece's box is taken away and made anew while so many frames pass.
CHANGES_AT_REST = """() => new Promise((done) => {
  let [changes, frames] = [0, 0];
  const watch = new MutationObserver((seen) => (changes += seen.length));
  watch.observe(document.querySelector(".pieces"), { subtree: true, attributeFilter: ["style"] });
  const step = () => (++frames > 20 ? done(changes) : requestAnimationFrame(step));
  step();
})"""


def test_what_was_seen_far_away_is_not_kept_laid_out_and_keeps_its_height(page: Page, fake: FakeCloud) -> None:
    log = opened(page, fake)
    before = laid_out(page)
    page.evaluate(FLY)
    tall = log.evaluate("(box) => box.scrollHeight")
    for _ in looks(page):
        if laid_out(page) <= before:
            break
    assert laid_out(page) <= before
    assert log.evaluate("(box) => box.scrollHeight") == tall
    assert page.evaluate(CHANGES_AT_REST) == 0
    up_to(page, "Question 60?")
    expect(log.get_by_text("Answer 60:").locator("strong")).to_have_text("60")
