"""Who signs out is signed out: at Cognito, in every tab, and of what the browser has kept."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

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
        sign_in(tab, fake)
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


def test_a_cognito_that_does_not_answer_keeps_nobody_signed_in_here(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.route("**/oauth2/revoke", lambda route: route.abort())
    page.get_by_role("button", name="Sign out").click()
    is_signed_out(page)
    assert fake.revoked == []


@pytest.mark.cloud
def test_after_signing_out_the_refresh_token_renews_nothing(page: Page, cloud: Cloud) -> None:
    def renew(token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": cloud.stack["UserPoolClientId"], "refresh_token": token}
        return httpx.post(f"{cloud.emulator.url}/oauth2/token", data=form, trust_env=False, timeout=60)

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
