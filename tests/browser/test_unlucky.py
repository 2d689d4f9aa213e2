"""What the page does when the network, the API or the worker is unlucky, in a real browser against a scripted cloud."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.fake_cloud import FakeCloud, instant

pytestmark = pytest.mark.browser


def sign_in(page: Page, fake: FakeCloud) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def ask(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def answer_to(page: Page) -> Locator:
    return page.get_by_role("log", name="Messages").get_by_role("article", name="Mistral").last


def wait_for_subscription(page: Page, fake: FakeCloud, topic: str) -> None:
    """Until the newest line has asked for `topic`: what is pushed from then on must be shown."""
    for _ in range(100):
        if any(topic in topics for topics in list(fake.subscriptions.values())):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"nobody subscribed to {topic}")


def start_answer(page: Page, fake: FakeCloud) -> dict:
    ask(page, "What is a queue?")
    expect(answer_to(page)).to_contain_text("queued")
    answer = fake.answers()[-1]
    wait_for_subscription(page, fake, f"conversation:{answer['conversation_id']}")
    return answer


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
    for _ in range(100):
        if fake.requests.count(("POST", f"/v1/conversations/{fake.answers()[0]['conversation_id']}/messages")) == 2:
            break
        page.wait_for_timeout(50)
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
    expect(answer_to(page).get_by_role("alert")).to_have_text("The conversation is longer than 8192 tokens.")


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
    page.keyboard.press("Tab")
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


WRONG_CLOCK = """
const right = Date.now;
Date.now = () => right() + %d;
globalThis.Date = new Proxy(Date, {construct: (date, given) => new date(...(given.length ? given : [Date.now()]))});
"""


@pytest.mark.parametrize("wrong_hours", [1, -3])
def test_time_and_cost_follow_the_servers_clock(page: Page, fake: FakeCloud, wrong_hours: int) -> None:
    page.add_init_script(WRONG_CLOCK % (wrong_hours * 3_600_000))
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launched = instant(minutes=-30)
    spend = {
        "gpu_usd_per_hour": 0.4,
        "usd_per_hour": 0.4,
        "launches": [{"launched_at": launched, "gpu_usd_per_hour": 0.4}],
    }
    fake.set_session(session_id, status="serving", launched_at=launched, spend=spend)
    region = page.get_by_role("region", name="GPU", exact=True)
    expect(region).to_contain_text(re.compile(r"(29|3\d) min \d\d s"))  # the test may take some minutes
    expect(region).to_contain_text(re.compile(r"\$0\.(19|2[0-6])"))


def test_old_news_of_a_session_changes_nothing(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("heading", name="Buying a GPU")).to_be_visible()
    session_id = next(iter(fake.sessions))
    wait_for_subscription(page, fake, f"session:{session_id}")
    old = dict(fake.sessions[session_id])
    instance = {"id": "i-1", "type": "g6.xlarge", "lifecycle": "spot", "availability_zone": "us-east-1a"}
    fake.add_phase(session_id, "loading", status="booting", launched_at=instant(), instance=instance)
    expect(page.get_by_role("heading", name="GPU is on, preparing the model")).to_be_visible()
    expect(page.get_by_role("progressbar", name="GPU boot")).to_be_visible()
    fake.push(f"session:{session_id}", {"type": "session", "session": old})
    fake.add_phase(session_id, "healthy", status="serving", healthy_at=instant())
    expect(page.get_by_role("heading", name="GPU is on and answering")).to_be_visible()
    fake.push(f"session:{session_id}", {"type": "session", "session": old})
    fake.set_session(session_id, end_requested=True)
    expect(page.get_by_role("heading", name="GPU is switching off")).to_be_visible()
    expect(page.get_by_role("button", name="Switching off…")).to_be_disabled()
    error = {"code": "NoGpuCapacity", "message": "none"}
    fake.set_session(session_id, status="failed", ended_at=instant(), error=error)
    region = page.get_by_role("region", name="GPU", exact=True)
    expect(region).to_contain_text("No GPU is on")
    expect(region).to_contain_text("AWS has no free GPU right now")


def test_answer_of_bedrock_says_so_and_the_receipt_has_its_price(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    session_id = next(iter(fake.sessions))
    wait_for_subscription(page, fake, f"session:{session_id}")
    answer = start_answer(page, fake)
    fake.finish(answer, "A line that is kept in order.", backend="bedrock", session_id=session_id)
    expect(answer_to(page)).to_contain_text("Answered on Amazon Bedrock: there was no GPU.")
    error = {"code": "GpuQuotaExceeded", "message": "none"}
    spent = {"bedrock_usd": 0.0012, "bedrock_messages": 1, "messages": 1, "total_usd": 0.0012}
    receipt = {"session_id": session_id, "instance_minutes": 0, "prompt_tokens": 30, "completion_tokens": 9, **spent}
    fake.set_session(session_id, status="failed", ended_at=instant(), error=error, receipt=receipt)
    expect(page.get_by_role("region", name="GPU", exact=True)).to_contain_text("GPU quota does not allow it")
    expect(page.get_by_role("region", name="Receipt")).to_contain_text(re.compile(r"Amazon Bedrock\s*\$0\.0012"))


def test_live_session_is_joined_and_seen_by_who_comes_later(page: Page, fake: FakeCloud) -> None:
    fake.start_session()
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Buying a GPU")).to_be_visible()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_enabled()
    expect(page).to_have_title(re.compile("GPU starting"))


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
    sign_in(page, fake)
    expiry = """(change) => {
      const key = Object.keys(sessionStorage).find((name) => name.startsWith('foreverus.user:'));
      const user = JSON.parse(sessionStorage.getItem(key));
      if (change) sessionStorage.setItem(key, JSON.stringify({...user, expires_at: Date.now() / 1000 + 5}));
      return user.expires_at - Date.now() / 1000;
    }"""
    page.evaluate(expiry, True)
    page.reload()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    assert page.evaluate(expiry, False) > 600
    assert fake.grants == ["authorization_code", "refresh_token"]


def test_session_that_nears_its_cap_says_so_with_its_exact_cost(page: Page, fake: FakeCloud) -> None:
    fake.month_usd = 17.25
    sign_in(page, fake)
    expect(page.get_by_text("This month: $17.25 of at most $20.00.")).to_be_visible()
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launches = [{"launched_at": instant(), "gpu_usd_per_hour": 0.4}]
    spend = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.416, "launches": launches}
    fake.set_session(session_id, status="serving", launched_at=instant(), spend=spend)
    expect(page.get_by_text("Cost so far")).to_be_visible()
    expect(page.get_by_text("$0.0069")).to_be_visible()  # the minute that EC2 bills at least
    fake.set_session(session_id, spend={**spend, "notice": 80, "notice_cap": "session"})
    expect(page.get_by_role("alert").filter(has_text="80 % of a spend cap")).to_be_visible()
