"""The first visit: what it is, with a picture; then three questions to try, what they cost, whether a GPU is on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import kept_user, looks, sign_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.fake_tokens import signed_in

pytestmark = pytest.mark.browser

PUBLIC = Path(__file__).parents[2] / "frontend" / "public"
MOST_BYTES = 40_000
WORDS = {
    "en": ("en-US", "Sign in", re.compile("^The page at work")),
    "pt": ("pt-BR", "Entrar", re.compile("^A página em uso")),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "pt"])
def test_signed_out_there_is_a_small_picture_in_the_visitors_language_and_theme(
    browser: Browser, fake: FakeCloud, language: str, theme: str
) -> None:
    locale, button, words = WORDS[language]
    context = browser.new_context(locale=locale, color_scheme=theme, viewport={"width": 390, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    page.goto(fake.url)
    shown = page.get_by_role("img", name=words)
    expect(shown).to_be_visible()
    for _ in looks(page):
        if shown.evaluate("(one) => one.complete && one.naturalWidth"):
            break
    assert shown.evaluate("(one) => one.naturalWidth") > 600
    pictures = [one for one in asked if one.startswith("welcome")]
    assert pictures == [f"welcome-{language}-{theme}.webp"]
    assert (PUBLIC / pictures[0]).stat().st_size <= MOST_BYTES
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    asked.clear()
    page.get_by_role("button", name=button).click()
    expect(page.locator("#message")).to_be_visible()
    page.reload()
    expect(page.locator("#message")).to_be_visible()
    assert [one for one in asked if one.startswith("welcome")] == [], "who is signed in needs none"
    context.close()


def test_a_sign_in_leaves_in_the_tab_what_other_tests_put_there(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake, clicks=True)
    kept = page.evaluate("() => Object.entries(sessionStorage).map(([name, text]) => [name, JSON.parse(text)])")
    ((name, user),) = [(name, user) for name, user in kept if name.startswith("foreverus.user:")]
    wanted = signed_in()
    assert name == kept_user(fake) and user.keys() == wanted.keys()
    assert user["profile"].keys() == wanted["profile"].keys()
    of_a_moment = ("access_token", "id_token", "profile", "expires_at")
    assert all(user[one] == wanted[one] for one in wanted.keys() - set(of_a_moment))
    assert 0 <= wanted["expires_at"] - user["expires_at"] < 3600


def test_who_comes_first_tries_a_question_with_one_click_and_knows_what_it_costs(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    first = page.get_by_role("region", name="Three questions to try")
    expect(first.get_by_role("button")).to_have_count(3)
    expect(first).to_contain_text("No GPU is on just now.")
    expect(first).to_contain_text("An hour of a GPU costs about $0.60;")
    assert [one["kind"] for one in fake.quotes].count("chat") == 1, "the figures are the API's"
    question = first.get_by_role("button").nth(1)
    text = question.inner_text()
    question.click()
    expect(page.get_by_label("Message", exact=True)).to_have_value(text)
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    assert ("POST", "/v1/conversations") not in fake.requests, "it is only typed"
    page.get_by_role("button", name="Send", exact=True).click()
    expect(first).to_have_count(0)
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_text("Write the first message.")).to_be_visible()
    expect(first).to_have_count(0)


def test_it_is_in_portuguese_too_and_says_nothing_of_costs_that_nobody_knows(browser: Browser, fake: FakeCloud) -> None:
    fake.troubles += [("POST", "/quotes", 503)] * 8
    context = browser.new_context(locale="pt-BR")
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    first = page.get_by_role("region", name="Três perguntas para experimentar")
    expect(first.get_by_role("button")).to_have_count(3)
    expect(first).to_contain_text("Nenhuma GPU está ligada agora.")
    expect(first).not_to_contain_text("US$")
    context.close()
