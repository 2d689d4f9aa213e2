"""Who reads up in a conversation stays there, whatever comes above or below; a button and keys bring them back."""

import pytest
from playwright.sync_api import ElementHandle, Locator, Page, expect

from tests.browser.driving import ask, sign_in, start_answer, wait_for_subscription, wait_until_drawn
from tests.browser.fake_cloud import FakeCloud, instant

pytestmark = pytest.mark.browser

EXCHANGES = 120
BELOW = "New text below"


def long_conversation(fake: FakeCloud) -> str:
    """So long that only its newest page is fetched at first."""
    (conversation_id,) = fake.have_conversations("Long")
    shared = {"object": "message", "conversation_id": conversation_id, "created_at": instant()}
    for n in range(EXCHANGES):
        question = {**shared, "id": f"msg_{n:06}", "role": "user", "status": "accepted", "content": f"Question {n}?"}
        text = f"Answer {n}.\n\n" + "One line more. " * 30
        answer = {**shared, "id": f"ans_{n:06}", "role": "assistant", "status": "answered", "content": text}
        fake.messages[conversation_id] += [question, answer]
    fake._number = EXCHANGES
    return conversation_id


def opened(page: Page, fake: FakeCloud) -> Locator:
    conversation_id = long_conversation(fake)
    sign_in(page, fake)
    page.goto(f"{fake.url}/#c={conversation_id}")
    box = page.locator("#messages")
    expect(page.get_by_text(f"Answer {EXCHANGES - 1}.")).to_be_in_viewport()
    wait_for_subscription(page, fake, f"conversation:{conversation_id}")
    return box


def in_sight(page: Page) -> ElementHandle:
    """The first message that is read just now, whatever comes above or below it."""
    found = page.evaluate_handle(
        """() => {
          const top = document.querySelector('#messages').getBoundingClientRect().top;
          return [...document.querySelectorAll('article')].find((one) => one.getBoundingClientRect().bottom > top + 5);
        }"""
    ).as_element()
    assert found is not None
    return found


def top_of(message: ElementHandle) -> float:
    box = message.bounding_box()
    assert box is not None
    return box["y"]


def wheel(page: Page, box: Locator, by: int) -> None:
    box.hover()
    page.mouse.wheel(0, by)
    page.wait_for_timeout(150)


def test_an_answer_that_streams_moves_nobody_who_reads_up_and_a_button_brings_back(page: Page, fake: FakeCloud) -> None:
    box = opened(page, fake)
    answer = start_answer(page, fake)
    fake.delta(answer, 0, "It begins.")
    expect(page.get_by_text("It begins.")).to_be_in_viewport()  # whoever is at the end follows
    expect(page.get_by_role("button", name=BELOW)).to_have_count(0)

    wheel(page, box, -30)  # a line is enough: nobody is pulled down again
    before = box.evaluate("(e) => e.scrollTop")
    sent = len("It begins.")
    for _ in range(5):
        text = " And one more paragraph that has some length.\n\n"
        fake.delta(answer, sent, text)
        sent += len(text)
    expect(page.get_by_role("button", name=BELOW)).to_be_visible()
    assert box.evaluate("(e) => e.scrollTop") == before
    wheel(page, box, -900)
    read = in_sight(page)
    at = top_of(read)
    fake.finish(answer, "It begins. " + "It ends. " * 300)
    expect(page.locator("article").last).to_have_attribute("aria-busy", "false")
    assert abs(top_of(read) - at) <= 1

    page.get_by_role("button", name=BELOW).click()
    expect(page.get_by_role("button", name=BELOW)).to_have_count(0)
    expect(box).to_be_focused()  # the keyboard stays with what is read
    assert box.evaluate("(e) => e.scrollHeight - e.scrollTop - e.clientHeight") <= 2


def test_by_keyboard_one_reads_up_and_comes_back(page: Page, fake: FakeCloud) -> None:
    box = opened(page, fake)
    answer = start_answer(page, fake)
    box.focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.wait_for_timeout(200)
    fake.delta(answer, 0, "New words.")
    button = page.get_by_role("button", name=BELOW)
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("New words.")).to_be_in_viewport()
    expect(box).to_be_focused()
    page.keyboard.press("PageUp")
    page.wait_for_timeout(200)
    fake.delta(answer, len("New words."), " And others.")
    expect(button).to_be_visible()
    page.keyboard.press("End")
    expect(button).to_have_count(0)
    expect(page.get_by_text("And others.")).to_be_in_viewport()


def test_older_messages_come_above_while_an_answer_grows_below(page: Page, fake: FakeCloud) -> None:
    box = opened(page, fake)
    answer = start_answer(page, fake)
    known = page.locator("article").count()
    path = f"/v1/conversations/{answer['conversation_id']}/messages"
    with fake.held(path):
        box.evaluate("(e) => (e.scrollTop = 150)")
        wait_until_drawn(page)
        read = in_sight(page)
        at = top_of(read)
        fake.delta(answer, 0, "Below. " * 200)
    expect(page.locator("article", has_text="Answer 80.")).to_be_attached()
    assert page.locator("article").count() > known
    page.wait_for_timeout(200)
    assert abs(top_of(read) - at) <= 1
    expect(page.get_by_role("button", name=BELOW)).to_be_visible()


def test_who_asks_is_taken_to_their_question(page: Page, fake: FakeCloud) -> None:
    box = opened(page, fake)
    wheel(page, box, -2000)
    ask(page, "What now?")
    expect(page.get_by_text("What now?")).to_be_in_viewport()
    left = "(e => e.scrollHeight - e.scrollTop - e.clientHeight)(document.getElementById('messages'))"
    page.wait_for_function(f"() => {left} <= 2")  # what comes below it is followed


def test_another_conversation_is_shown_from_its_end(page: Page, fake: FakeCloud) -> None:
    box = opened(page, fake)
    wheel(page, box, -3000)
    page.get_by_role("button", name="+ New conversation").click()
    page.get_by_role("link", name="Long").click()
    expect(page.get_by_text(f"Answer {EXCHANGES - 1}.")).to_be_in_viewport()
    expect(page.get_by_role("button", name=BELOW)).to_have_count(0)


def test_a_keyboard_on_the_screen_does_not_hide_the_end(page: Page, fake: FakeCloud) -> None:
    opened(page, fake)
    page.set_viewport_size({"width": 1280, "height": 420})
    page.wait_for_timeout(200)
    box = page.locator("#messages")
    assert box.evaluate("(e) => e.scrollHeight - e.scrollTop - e.clientHeight") <= 2
