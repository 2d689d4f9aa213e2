"""What the page does when the network, the API or the worker is unlucky, in a real browser against a scripted cloud."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import answer_to, ask, looks, sign_in, start_answer, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud, instant

pytestmark = pytest.mark.browser


def test_answer_is_whole_after_the_line_broke_in_its_middle(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.delta(answer, 0, "A 🚀 queue ")
    expect(answer_to(page)).to_contain_text("A 🚀 queue")
    answer.update(content="A 🚀 queue keeps ", status="answering")  # said and checkpointed while nobody listened
    fake.drop_lines()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    wait_for_subscription(page, fake, f"conversation:{answer['conversation_id']}")
    fake.delta(answer, 0, "A 🚀 queue keeps the ")  # what a worker says to a new subscriber
    fake.delta(answer, len("A 🚀 queue keeps the "), "order.")
    expect(answer_to(page).get_by_text("A 🚀 queue keeps the order.", exact=True)).to_be_visible()
    fake.finish(answer, "A 🚀 queue keeps the order.")
    expect(answer_to(page)).to_have_attribute("aria-busy", "false")
    expect(answer_to(page)).to_have_text("A 🚀 queue keeps the order.")


def test_gap_in_the_stream_is_filled_by_asking(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    answer.update(content="First ", status="answering")
    fake.delta(answer, 6, "second")
    expect(answer_to(page)).to_contain_text("First second")


def test_answer_that_ended_while_the_line_was_down_is_shown(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.drop_lines()
    answer.update(content="Done meanwhile.", status="answered")
    expect(answer_to(page)).to_have_text("Done meanwhile.")


def test_retry_after_a_lost_reply_is_not_a_second_question(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.troubles.append(("POST", "/messages", 0))
    start_answer(page, fake)
    for _ in looks(page):
        if fake.requests.count(("POST", f"/v1/conversations/{fake.answers()[0]['conversation_id']}/messages")) == 2:
            break
    else:
        raise AssertionError("the page did not try again")
    assert len(fake.answers()) == 1
    expect(page.get_by_role("article", name="You")).to_have_count(1)


def test_nothing_typed_is_lost_when_sending_fails(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.troubles += [("POST", "/messages", 503)] * 4
    ask(page, "A question that took an hour to write")
    failed = page.get_by_role("alert").filter(has_text="Not sent")
    expect(failed).to_contain_text("Nothing was kept")
    page.reload()
    expect(page.get_by_role("article", name="You")).to_contain_text("A question that took an hour to write")
    page.get_by_role("button", name="Back to editing").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("A question that took an hour to write")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answer_to(page)).to_contain_text("queued")
    assert len(fake.answers()) == 1


def test_failed_answer_says_why_and_keeps_what_was_said(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    error = {"code": "prompt_rejected", "message": "The conversation is longer than 8192 tokens."}
    fake.finish(answer, "Half an", status="failed", error=error)
    expect(answer_to(page)).to_contain_text("Half an")
    expect(answer_to(page).locator(".trouble")).to_have_text("The conversation is longer than 8192 tokens.")


@pytest.mark.parametrize("state", [{"keyCode": 229}, {"keyCode": 13, "isComposing": True}], ids=["safari", "chromium"])
def test_enter_of_an_input_method_sends_nothing(page: Page, fake: FakeCloud, state: dict) -> None:
    sign_in(page, fake)
    box = page.get_by_label("Message", exact=True)
    box.fill("にほ")
    box.dispatch_event("compositionend", {"data": "にほ"})
    box.evaluate(
        "(box, state) => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, ...state}))",
        state,
    )
    expect(box).to_have_value("にほ")
    box.press("Enter")
    expect(answer_to(page)).to_contain_text("queued")
    assert [m["content"] for messages in fake.messages.values() for m in messages if m["role"] == "user"] == ["にほ"]


def test_code_within_fences_on_one_line_is_shown_and_ends_there(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.finish(answer, "Use this:\n```print('hello')```\nand then it is done.\n\n```py title=a.py\nx = 1\n```")
    expect(answer_to(page)).to_contain_text("Use this: print('hello') and then it is done.")
    expect(answer_to(page).get_by_text("print('hello')", exact=True)).to_have_js_property("tagName", "CODE")
    expect(answer_to(page).locator("pre")).to_have_text("x = 1")
    expect(answer_to(page)).to_contain_text("py title=a.py")


def test_failed_answer_is_asked_for_again_by_keyboard_and_a_draft_stays(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.finish(answer, "", status="failed", error={"code": "EngineFailed", "message": "lost"})
    page.get_by_label("Message", exact=True).fill("half a thought")
    again = page.get_by_role("button", name="Ask again")
    page.get_by_role("log", name="Messages").focus()
    for _ in range(8):  # the question's own buttons come before, some of them when their code has come
        page.keyboard.press("Tab")
        if again.evaluate("one => one === document.activeElement"):
            break
    expect(again).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="You")).to_have_text(["What is a queue?", "What is a queue?"])
    expect(answer_to(page)).to_contain_text("queued")
    assert len(fake.answers()) == 2
    assert len({a["conversation_id"] for a in fake.answers()}) == 1
    expect(page.get_by_label("Message", exact=True)).to_have_value("half a thought")
    fake.finish(fake.answers()[-1], "A line.")
    expect(answer_to(page)).to_have_text("A line.")
    page.get_by_role("button", name="Português").click()
    expect(page.get_by_role("button", name="Perguntar de novo")).to_have_count(1)


def test_page_speaks_both_languages_on_a_phone(browser: Browser, fake: FakeCloud) -> None:
    context = browser.new_context(locale="pt-BR", viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", name="Nenhuma GPU ligada")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en-US")
    page.reload()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fake.refuse_sockets = True
    page.reload()
    expect(page.get_by_text("Connection lost. Reconnecting…")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.parametrize("code", ["context_length_exceeded", "prompt_rejected", "content_filter"])
def test_a_question_that_must_fail_again_is_offered_for_editing(page: Page, fake: FakeCloud, code: str) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.finish(answer, "", status="failed", error={"code": code, "message": "no"})
    page.get_by_label("Message", exact=True).fill("half a thought")
    expect(page.get_by_role("button", name="Ask again")).to_have_count(0)
    page.get_by_role("button", name="Edit the question").click()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(page.get_by_label("Message", exact=True)).to_have_value("What is a queue?\nhalf a thought")
    assert len(fake.answers()) == 1


def test_what_the_api_refuses_is_edited_and_not_sent_again(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.troubles.append(("POST", "/messages", 400))
    ask(page, "A question that is too long")
    failed = page.get_by_role("alert").filter(has_text="Not sent")
    expect(failed.get_by_role("button")).to_have_text(["Back to editing"])
    page.reload()
    expect(failed.get_by_role("button")).to_have_text(["Back to editing"])
    failed.get_by_role("button").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("A question that is too long")


def test_a_question_to_a_conversation_that_was_deleted_elsewhere_begins_a_new_one(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    expect(answer_to(page)).to_have_text("A line.")
    fake.troubles.append(("POST", "/messages", 404))
    ask(page, "And then?")
    failed = page.get_by_role("alert").filter(has_text="Not sent")
    expect(page.get_by_role("heading", name="New conversation")).to_be_visible()
    failed.get_by_role("button", name="Send again").click()
    expect(answer_to(page)).to_contain_text("queued")
    assert len(fake.conversations) == 2


def test_an_answer_that_is_too_long_for_a_frame_is_asked_for(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.delta(answer, 0, "The beginning")
    expect(answer_to(page)).to_contain_text("The beginning")
    answer.update(content="The beginning and the end.", status="answered", answered_at=instant())
    topic = f"conversation:{answer['conversation_id']}"
    shown = {**answer, "content": None}
    fake.push(topic, {"type": "message", "conversation_id": answer["conversation_id"], "message": shown})
    expect(answer_to(page)).to_have_text("The beginning and the end.")


def test_answers_are_text_and_the_page_connects_only_where_it_was_told(browser: Browser, fake: FakeCloud) -> None:
    page = browser.new_page(locale="en-US")
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.finish(answer, "<img src=x onerror=\"document.title='broken'\"><b>bold</b>")
    expect(answer_to(page)).to_contain_text("<b>bold</b>")
    expect(page).not_to_have_title("broken")
    assert page.evaluate("Object.keys(localStorage)") == []  # tokens die with the tab
    refused = "(address) => fetch(address, {mode: 'no-cors'}).then(() => 'sent', () => 'refused')"
    assert page.evaluate(refused, "http://127.0.0.1:9/") == "refused"
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>x</b>'")
    page.close()


def test_signing_out_leaves_nothing_behind(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_token_is_renewed_once_before_it_expires(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake, clicks=True)
    expiry = """(change) => {
      const key = Object.keys(sessionStorage).find((name) => name.startsWith('foreverus.user:'));
      const user = JSON.parse(sessionStorage.getItem(key));
      if (change) sessionStorage.setItem(key, JSON.stringify({...user, expires_at: Date.now() / 1000 + 5}));
      return user.expires_at - Date.now() / 1000;
    }"""
    with page.expect_navigation():  # in one step: a request between the two would renew it for the page that goes
        page.evaluate(f"() => {{ ({expiry})(true); location.reload(); }}")
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    assert page.evaluate(expiry, False) > 600
    assert fake.grants == ["authorization_code", "refresh_token"]
