"""Who signs out is signed out: at Cognito, in every tab, and of what the browser has kept."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from local.cloud import Cloud
from tests.browser import test_main_job
from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

# What an older or a later page may have put there.
KEEP_MORE = """async () => {
  localStorage.setItem('foreverus.language', 'pt');
  await new Promise((done) => (indexedDB.open('drafts').onsuccess = done));
  await (await caches.open('answers')).put('/kept', new Response('text'));
}"""
KEPT = """async () => ({
  session: {...sessionStorage}, local: {...localStorage},
  databases: (await indexedDB.databases()).map((one) => one.name), caches: await caches.keys(),
})"""
NOTHING: dict[str, Any] = {"session": {}, "local": {}, "databases": [], "caches": []}
REFRESH_TOKEN = """() => Object.values(sessionStorage).map((text) => JSON.parse(text).refresh_token).find(Boolean)"""


def is_signed_out(page: Page) -> None:
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate(KEPT) == NOTHING


def test_signing_out_forgets_everything_and_takes_the_other_tabs_along(page: Page, fake: FakeCloud) -> None:
    other = page.context.new_page()
    for tab in (page, other):
        sign_in(tab, fake, clicks=True)
        tab.get_by_label("Message", exact=True).fill("never sent")
    page.evaluate(KEEP_MORE)
    assert "never sent" in str(page.evaluate(KEPT))

    page.get_by_role("button", name="Sign out").click()
    for tab in (page, other):
        is_signed_out(tab)
        expect(tab.get_by_text("ana@example.com")).to_have_count(0)
    assert [(one["token"], one["client_id"]) for one in fake.revoked] == [("r", "client")] * 2
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_who_signs_out_while_the_page_is_still_being_kept_leaves_none_of_it(page: Page, fake: FakeCloud) -> None:
    with fake.held("/icon-192.png"):  # one of the page's files, which only the service worker asks for
        sign_in(page, fake, clicks=True)
        page.wait_for_function("async () => (await caches.keys()).length > 0")
        installing = "async () => (await navigator.serviceWorker.getRegistrations()).some((one) => one.installing)"
        assert page.evaluate(installing)
        page.get_by_role("button", name="Sign out").click()
        is_signed_out(page)
    assert page.evaluate("() => navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    is_signed_out(page)


def test_a_cognito_that_does_not_answer_keeps_nobody_signed_in_here(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake, clicks=True)
    page.route("**/oauth2/revoke", lambda route: route.abort())
    page.get_by_role("button", name="Sign out").click()
    is_signed_out(page)
    assert fake.revoked == []


@pytest.mark.parametrize(
    ("locale", "out", "said", "enter"),
    [("en-US", "Sign out", "leave this page open", "Sign in"), ("pt-BR", "Sair", "deixe esta página aberta", "Entrar")],
)
def test_without_a_network_all_is_forgotten_at_once_and_the_rest_is_done_when_it_is_back(
    browser: Browser, fake: FakeCloud, locale: str, out: str, said: str, enter: str
) -> None:
    context = browser.new_context(locale=locale)
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto(fake.url)
        tab.get_by_role("button", name=enter).click()
        expect(tab.locator(".net-open")).to_be_visible()
    context.set_offline(True)
    page.get_by_role("button", name=out).click()
    for tab in (page, other):
        expect(tab.get_by_role("alert")).to_contain_text(said)
        assert tab.evaluate(KEPT) == NOTHING
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    context.set_offline(False)
    for tab in (page, other):
        expect(tab.get_by_role("button", name=enter)).to_be_visible()
    assert any(url.startswith(f"{fake.url}/logout?") for url in asked)  # Cognito knows of it too
    assert [one["token"] for one in fake.revoked] == ["r", "r"]  # and of what no tab could tell it
    context.close()


# Every text that a script could reach from the page: storage, cookies, history, the window and all that hangs from it.
REACHED = """async (secrets) => {
  const found = new Set(), seen = new Set(), has = (text) => secrets.some((one) => text.includes(one));
  const stores = {session: {...sessionStorage}, local: {...localStorage}};
  for (const [name, kept] of Object.entries(stores)) if (has(JSON.stringify(kept))) found.add(name);
  if (has(document.cookie + document.documentElement.outerHTML + location.href)) found.add('document');
  if (has(JSON.stringify(history.state) + window.name)) found.add('history');
  if (has(JSON.stringify(performance.getEntries().map((one) => one.name)))) found.add('performance');
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const asked of await cache.keys()) {
      if (has(asked.url + (await (await cache.match(asked)).text()))) found.add(`cache ${asked.url}`);
    }
  }
  const queue = [[window, 'window']];
  for (let steps = 0; queue.length && steps < 300000; steps++) {
    const [value, path] = queue.shift();
    if (typeof value === 'string') { if (has(value)) found.add(path); continue; }
    if (value === null || !['object', 'function'].includes(typeof value) || seen.has(value)) continue;
    seen.add(value);
    if (value === sessionStorage || value === localStorage) continue;
    for (const key of Reflect.ownKeys(value)) {
      // What a getter of the browser's makes is its own.
      const {value: held} = Reflect.getOwnPropertyDescriptor(value, key) ?? {};
      if (held !== undefined && path.length < 200) queue.push([held, `${path}.${String(key)}`]);
    }
  }
  return [...found];
}"""
SECRETS = """() => Object.values(sessionStorage).flatMap((text) => { try {
  const kept = JSON.parse(text); return [kept.access_token, kept.id_token].filter(Boolean) } catch { return [] } })"""


def test_tokens_are_in_the_tabs_storage_alone_and_nowhere_once_somebody_has_left(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake, clicks=True)
    secrets = page.evaluate(SECRETS)
    assert len(secrets) == 2 and all(len(one) > 50 for one in secrets)
    assert page.evaluate(REACHED, secrets) == ["session"]  # no variable of the page can be reached from its window
    page.get_by_role("button", name="Sign out").click()
    is_signed_out(page)
    assert page.evaluate(REACHED, secrets) == []
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate(REACHED, secrets) == []


def test_a_page_that_the_browser_kept_in_memory_is_loaded_anew(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake, clicks=True)
    page.evaluate("window.kept = true")
    with page.expect_navigation():
        page.evaluate("setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true})))")
    assert page.evaluate("window.kept") is None


@pytest.mark.cloud
def test_after_signing_out_the_refresh_token_renews_nothing(page: Page, cloud: Cloud) -> None:
    def renew(token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": cloud.stack["UserPoolClientId"], "refresh_token": token}
        return httpx.post(f"{cloud.emulator.url}/oauth2/token", data=form, trust_env=False, timeout=300)

    other = page.context.new_page()
    tokens = []
    for tab in (page, other):
        test_main_job.sign_in(tab, cloud)
        tokens.append(tab.evaluate(REFRESH_TOKEN))
    assert [renew(token).status_code for token in tokens] == [200, 200]
    page.get_by_role("button", name="Sign out").click()
    for tab in (page, other):
        is_signed_out(tab)
    assert [(renew(token).status_code, renew(token).json()["error"]) for token in tokens] == [
        (400, "invalid_grant"),
        (400, "invalid_grant"),
    ]
