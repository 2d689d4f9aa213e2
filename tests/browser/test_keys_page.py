"""API keys on the page: made, shown once and copied, listed, revoked after a second yes."""

import ast
import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import open_list
from tests.browser.fake_cloud import FakeCloud, instant

pytestmark = pytest.mark.browser

LONG = "o caderno da sala de aula número doze, que todos usam às quintas-feiras " + "á" * 28


def open_keys(page: Page, fake: FakeCloud, words: tuple[str, str] = ("Sign in", "Keys")) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name=words[0]).click()
    expect(page.get_by_label(re.compile("^(Message|Mensagem)$"))).to_be_visible()
    open_list(page)
    page.get_by_role("link", name=words[1], exact=True).click()


def test_a_key_is_made_copied_once_and_revoked(page: Page, fake: FakeCloud) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_keys(page, fake)
    expect(page.get_by_text("No keys yet.")).to_be_visible()
    assert page.url.endswith("#k")

    page.get_by_label("What it is for").fill("café no laptop")
    page.get_by_label("Expires").select_option(label="in 90 days")
    page.get_by_label("What it is for").press("Enter")
    made = page.get_by_role("region", name="The key “café no laptop” was created")
    expect(made).to_be_visible()
    (stored,) = fake.api_keys.values()
    assert stored["can_create_keys"] is False
    days = datetime.fromisoformat(stored["expires_at"]) - datetime.fromisoformat(stored["created_at"])
    assert timedelta(days=89) < days < timedelta(days=91)

    copy = made.get_by_role("button", name="Copy", exact=True)
    expect(copy).to_be_focused()
    copy.click()
    expect(page.get_by_role("status")).to_contain_text("Copied")
    secret = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"fu_\w{43}", secret)
    expect(page.get_by_label("The key", exact=True)).to_have_value(secret)
    made.get_by_role("button", name="I have kept it").click()
    expect(made).to_have_count(0)
    assert secret not in page.content()
    assert secret not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")

    row = page.get_by_role("listitem").filter(has_text="café no laptop")
    expect(row).to_contain_text("ends in " + secret[-4:])
    row.get_by_role("button", name="Revoke the key “café no laptop”").click()
    row.get_by_role("button", name="Keep it").click()
    row.get_by_role("button", name="Revoke the key “café no laptop”").click()
    assert fake.api_keys
    sure = row.get_by_role("button", name="Yes, revoke it")
    expect(sure).to_be_focused()
    page.keyboard.press("Enter")
    expect(row).to_have_count(0)
    expect(page.get_by_text("within 60 seconds it opens nothing any more")).to_be_attached()
    assert fake.api_keys == {}
    page.go_back()
    expect(page.get_by_role("log", name="Messages")).to_be_visible()


def test_a_key_whose_making_nobody_confirmed_is_not_made_twice(page: Page, fake: FakeCloud) -> None:
    open_keys(page, fake)
    fake.troubles.append(("POST", "/keys", 0))
    page.get_by_label("What it is for").fill("lost")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("alert")).to_contain_text("the key may have been created")
    expect(page.get_by_role("listitem").filter(has_text="lost")).to_be_visible()
    assert fake.requests.count(("POST", "/v1/keys")) == 1
    expect(page.get_by_label("What it is for")).to_have_value("lost")


def test_at_twenty_keys_the_page_says_what_to_do(page: Page, fake: FakeCloud) -> None:
    for n in range(20):
        fake.make_key({"name": f"key {n}", "expires_at": instant(-1) if n == 19 else None, "can_create_keys": n == 18})
    open_keys(page, fake)
    expect(page.get_by_role("listitem").first).to_contain_text("expired")
    expect(page.get_by_text("You have 20 keys")).to_be_visible()
    expect(page.get_by_role("button", name="Create key")).to_be_disabled()


@pytest.mark.parametrize("width", [360, 1280])
def test_keys_speak_portuguese_and_fit_a_phone(browser: Browser, fake: FakeCloud, width: int) -> None:
    context = browser.new_context(locale="pt-BR", viewport={"width": width, "height": 800}, color_scheme="dark")
    page = context.new_page()
    wish = {"name": LONG, "expires_at": None, "can_create_keys": True, "last_used_at": instant(-90)}
    fake.make_key(wish)
    open_keys(page, fake, ("Entrar", "Chaves"))
    row = page.get_by_role("listitem").filter(has_text="sala de aula")
    expect(row).to_contain_text("cria chaves")
    expect(row).to_contain_text("por volta de")
    page.get_by_label("Para que ela serve").fill("lote da noite")
    page.get_by_role("button", name="Criar chave").click()
    expect(page.get_by_role("region", name="A chave “lote da noite” foi criada")).to_be_visible()
    row.get_by_role("button", name="Revogar a chave").click()
    expect(row.get_by_role("button", name="Sim, revogar")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.parametrize(("locale", "words"), [("pt-BR", ("Entrar", "Chaves")), ("en-US", ("Sign in", "Keys"))])
def test_a_new_key_comes_with_lines_that_use_it_as_they_are(
    browser: Browser, fake: FakeCloud, locale: str, words: tuple[str, str]
) -> None:
    context = browser.new_context(locale=locale, viewport={"width": 360, "height": 740})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    open_keys(page, fake, words)
    page.locator("input[required]").fill("laptop")
    page.locator("input[required]").press("Enter")
    made = page.locator(".key-made")
    secret = made.locator("input").input_value()
    for name in ("Python", "curl"):
        block = made.get_by_role("group", name=name)
        block.get_by_role("button").click()
        lines = page.evaluate("navigator.clipboard.readText()")
        assert lines == block.locator("code").inner_text() and len(lines.split("\n")) == 4
        assert f"{fake.url}/v1" in lines and secret in lines and "mistral-7b" in lines
        if name == "Python":
            asked = ast.parse(lines)
            assert [type(one).__name__ for one in asked.body] == ["ImportFrom", "Assign", "Assign", "Expr"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
