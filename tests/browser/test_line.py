"""What the page says of its line, and what becomes of what is typed meanwhile: refused, unreachable and late differ."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import answer_to, ask, looks, sign_in, start_answer, wait_for_subscription, wait_until_asked
from tests.browser.fake_cloud import FakeCloud, instant

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
    assert len(fake.conversations) == 1


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


def asked_of(fake: FakeCloud) -> list[str]:
    return [m["content"] for messages in fake.messages.values() for m in messages if m["role"] == "user"]


def test_a_line_that_dies_in_silence_is_noticed_within_20_s(page: Page, fake: FakeCloud) -> None:
    page.clock.install()
    sign_in(page, fake)
    fake.mute = fake.refuse_sockets = True  # what is sent arrives, nothing comes back, nobody closes anything
    page.clock.run_for(20_000)
    expect(page.get_by_text("Live", exact=True)).to_have_count(0)
    fake.mute = fake.refuse_sockets = False
    page.clock.run_for(30_000)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


AS_OF = {
    "en-US": ("GPU is on", re.compile(r"Last known at (.+?)\. Whatever is on")),
    "pt-BR": ("GPU ligada", re.compile(r"Última atualização às (.+?)\. Se houver algo ligado")),
}
SECONDS_OF = """([text, locale]) => {
  const of = (at) => new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(at);
  for (let ago = 0; ago <= 120; ago++) if (of(Date.now() - 1000 * ago) === text) return ago;
  return null;
}"""


@pytest.mark.parametrize("language", AS_OF)
def test_after_20_s_without_a_word_the_strip_says_when_it_last_heard(
    browser: Browser, fake: FakeCloud, language: str
) -> None:
    """Nothing answers, and nothing refuses either: neither the line nor what is asked for."""
    context = browser.new_context(locale=language)
    page = context.new_page()
    page.clock.install()
    fake.start_session()
    (session_id,) = fake.sessions
    fake.set_session(session_id, status="serving", launched_at=instant(minutes=-3))
    page.goto(fake.url)
    page.locator("button.primary").click()
    strip, (heading, words) = page.locator(".strip"), AS_OF[language]
    expect(strip.get_by_role("heading")).to_contain_text(heading)
    expect(page.locator(".net-open")).to_be_visible()
    wait_for_subscription(page, fake, f"session:{session_id}")
    wait_until_asked(page, fake)
    page.wait_for_load_state("networkidle")  # what is answered later would be a word
    assert not words.search(strip.inner_text())
    fake.mute = fake.refuse_sockets = True
    page.route("**/v1/**", lambda _: None)  # never answered
    page.clock.run_for(21_000)
    expect(strip).to_contain_text(words)
    expect(strip.get_by_role("heading")).to_contain_text(heading)  # it may still be on: nobody has said otherwise
    expect(strip).to_have_class(re.compile("strip-stale"))
    (said,) = words.findall(strip.inner_text())
    ago = page.evaluate(SECONDS_OF, [said, language])
    assert ago is not None and ago >= 20, f"{said} is when it was last heard of"
    context.close()


def test_each_new_conversation_that_was_typed_without_a_line_is_one_of_its_own(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.context.set_offline(True)
    ask(page, "First of the first")
    ask(page, "Second of the first")
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_text("waits for the line")).to_have_count(0)
    ask(page, "Of the second")
    waiting = page.get_by_role("region", name="Waiting for the line")
    expect(waiting.get_by_role("link")).to_have_text(["First of the first", "Of the second"])
    waiting.get_by_role("link", name="First of the first").click()
    expect(page.get_by_role("article", name="You")).to_have_text([re.compile("First"), re.compile("Second")])
    page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()  # from then on it is sent
    expect(page.get_by_text("waits for the line")).to_have_count(0)
    expect(waiting).to_have_count(0)
    wanted = [["First of the first", "Second of the first"], ["Of the second"]]
    for _ in looks(page):
        asked = [[m["content"] for m in messages if m["role"] == "user"] for messages in fake.messages.values()]
        if sorted(asked) == wanted:
            break
    assert sorted(asked) == wanted


def test_what_is_typed_is_there_in_another_tab_and_sent_once_by_both(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    other = page.context.new_page()
    sign_in(other, fake)
    other.goto(page.url)
    page.bring_to_front()
    page.context.set_offline(True)
    ask(page, "From the first tab")
    ask(other, "From the second tab")
    page.get_by_label("Message", exact=True).fill("half a thought")
    for tab in (page, other):
        expect(tab.get_by_text("waits for the line")).to_have_count(2)
    page.context.set_offline(False)
    for tab in (page, other):
        expect(tab.get_by_text("waits for the line")).to_have_count(0)
        expect(tab.get_by_role("article", name="You")).to_have_count(3)
    assert asked_of(fake) == ["What is a queue?", "From the first tab", "From the second tab"]
    assert len(fake.conversations) == 1
    page.close()
    third = other.context.new_page()
    sign_in(third, fake)
    third.goto(other.url)
    expect(third.get_by_label("Message", exact=True)).to_have_value("half a thought")


def test_a_tab_that_is_closed_in_mid_send_loses_nothing_and_sends_nothing_twice(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    conversation = start_answer(page, fake)["conversation_id"]
    fake.finish(fake.answers()[-1], "A line.")
    other = page.context.new_page()
    sign_in(other, fake)
    with fake.held(f"/v1/conversations/{conversation}/messages"):
        ask(page, "Sent, and closed at once")
        page.wait_for_function("Object.keys(localStorage).some((name) => name.startsWith('foreverus.typed.'))")
        page.close()
    other.goto(f"{fake.url}/#c={conversation}")
    expect(answer_to(other)).to_contain_text("queued")
    expect(other.get_by_role("article", name="You")).to_have_count(2)
    assert asked_of(fake).count("Sent, and closed at once") == 1


def test_a_closed_browser_keeps_what_waits_and_an_expired_sign_in_too(browser: Browser, fake: FakeCloud) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, fake)
    context.set_offline(True)
    ask(page, "Before the lid was closed")
    page.close()
    context.set_offline(False)
    page = context.new_page()  # with no sign-in: it lived in the tab
    sign_in(page, fake)
    expect(page.get_by_role("article", name="Mistral")).to_have_count(0)
    page.get_by_role("link", name="Before the lid was closed").click()
    expect(answer_to(page)).to_contain_text("queued")
    assert asked_of(fake) == ["Before the lid was closed"]
    context.close()
