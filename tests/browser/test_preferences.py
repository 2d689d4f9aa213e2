"""What a person prefers: it holds at once, before the first paint of the next load, and on their other devices."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import looks, open_list, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

DARK, LIGHT = "rgb(20, 22, 26)", "rgb(247, 246, 243)"
PAPER = "getComputedStyle(document.body).backgroundColor"
# Counts the tones that are played, and lets a test say that nobody looks.
SOUND = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...all) { window.tones++; return start.apply(this, all); };
Object.defineProperty(Document.prototype, 'hidden', { get: () => window.away === true });
"""


def open_preferences(page: Page, name: str = "Preferences") -> None:
    open_list(page)
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_the_theme_holds_at_once_before_the_next_first_paint_and_on_another_device(
    fake: FakeCloud, browser: Browser
) -> None:
    # What a service worker answers, no test can hold back.
    context = browser.new_context(locale="en-US", color_scheme="light", service_workers="block")
    page = context.new_page()
    sign_in(page, fake)
    assert page.evaluate(PAPER) == LIGHT
    open_preferences(page)
    assert page.url.endswith("#p")
    with page.expect_response(lambda answer: answer.url.endswith("/me") and answer.request.method == "PATCH"):
        page.get_by_label("Theme").select_option(label="dark")
    expect(page.locator("body")).to_have_css("background-color", DARK)
    assert fake.own.me["theme"] == "dark"
    assert set(page.evaluate("[...document.querySelectorAll('meta[name=theme-color]')].map((one) => one.content)")) == {
        "#14161a"
    }

    # Neither the page's script nor its words have come: what is painted is dark all the same.
    page.route("**/assets/*.js", lambda route: None)
    page.goto(fake.url, wait_until="commit")
    expect(page.locator("body")).to_have_css("background-color", DARK)
    expect(page.locator("#app")).to_be_empty()
    context.close()

    other = browser.new_context(locale="en-US", color_scheme="light")
    there = other.new_page()
    sign_in(there, fake)
    expect(there.locator("body")).to_have_css("background-color", DARK)
    open_preferences(there)
    expect(there.get_by_label("Theme")).to_have_value("dark")
    there.get_by_label("Theme").select_option(label="as the device is set")
    expect(there.locator("body")).to_have_css("background-color", LIGHT)
    other.close()


def test_the_language_follows_the_person_and_one_chosen_before_signing_in_counts(
    page: Page, fake: FakeCloud, browser: Browser
) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name="PT, Português").click()
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("link", name="Preferências", exact=True)).to_be_visible()
    for _ in looks(page):
        if fake.own.me["language"] == "pt":
            break
    assert fake.own.me["language"] == "pt"
    other = browser.new_context(locale="en-US")
    there = other.new_page()
    there.goto(fake.url)
    there.get_by_role("button", name="Sign in").click()
    open_preferences(there, "Preferências")
    with there.expect_response(lambda answer: answer.url.endswith("/me") and answer.request.method == "PATCH"):
        there.get_by_role("combobox", name="Idioma").select_option(label="English")
    expect(there.get_by_role("heading", name="Preferences")).to_be_visible()
    assert fake.own.me["language"] == "en"
    other.close()


def test_the_composer_shows_who_answers_as_the_person_prefers(page: Page, fake: FakeCloud) -> None:
    fake.own.me["backend"] = "gpu"
    sign_in(page, fake)
    expect(page.get_by_label("Answered by")).to_have_value("gpu")
    open_preferences(page)
    with page.expect_response(lambda answer: answer.url.endswith("/me") and answer.request.method == "PATCH"):
        page.get_by_label("Answered by, where").select_option(label="Amazon Bedrock")
    assert fake.own.me["backend"] == "bedrock"
    page.get_by_role("link", name="Chats").click()
    expect(page.get_by_label("Answered by")).to_have_value("bedrock")
    # What somebody prefers is not written into their conversations; what they choose there is, also "whichever".
    start_answer(page, fake)
    (made,) = fake.conversations.values()
    assert "backend" not in made
    page.get_by_role("button", name="New conversation").click()
    with page.expect_request(lambda one: one.method == "POST" and one.url.endswith("/conversations")) as sent:
        page.get_by_label("Answered by").select_option(label="whichever is right")
        page.get_by_label("Message", exact=True).fill("And now?")
        page.get_by_role("button", name="Send", exact=True).click()
    assert json.loads(sent.value.post_data or "") == {"backend": "auto"}


def test_what_the_server_does_not_take_does_not_hold(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    open_preferences(page)
    fake.troubles.append(("PATCH", "/me", 500))
    page.get_by_label("Theme").select_option(label="dark")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was kept")
    expect(page.get_by_label("Theme")).to_have_value("system")
    assert page.evaluate(PAPER) == LIGHT


def test_a_sound_is_played_when_nobody_looks_and_only_for_who_wants_it(page: Page, fake: FakeCloud) -> None:
    page.add_init_script(SOUND)
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "One.", status="answered")
    expect(page.get_by_text("One.")).to_be_visible()
    open_preferences(page)
    with page.expect_response(lambda answer: answer.url.endswith("/me") and answer.request.method == "PATCH"):
        page.get_by_label("Play a soft sound").check()
    assert page.evaluate("window.tones") == 2, "what it is like"
    page.get_by_role("link", name="Chats").click()
    answer = start_second(page, fake)
    fake.finish(answer, "Two.")
    expect(page.get_by_text("Two.")).to_be_visible()
    assert page.evaluate("window.tones") == 2, "who looks needs none"
    answer = start_second(page, fake)
    page.evaluate("window.away = true")
    fake.finish(answer, "Three.")
    expect(page.get_by_text("Three.")).to_be_visible()
    assert page.evaluate("window.tones") == 4


def start_second(page: Page, fake: FakeCloud) -> dict:
    before = len(fake.answers())
    page.get_by_label("Message", exact=True).fill("And?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("article", name=re.compile("Mistral"))).to_have_count(before + 1)
    return fake.answers()[-1]
