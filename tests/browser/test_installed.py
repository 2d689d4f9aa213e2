"""The page as an app: it can be installed, opens without a line, and a newer version takes its place."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.plain_chromium import Tab, plain_chromium
from tests.tools import BROWSER

pytestmark = pytest.mark.browser

READY = "() => navigator.serviceWorker.ready.then(() => caches.keys())"
KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) found.push(request.url);
  }
  return found;
}"""


def test_it_can_be_installed(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == [] and manifest["url"] == f"{fake.url}/manifest.webmanifest"
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {one["errorId"] for one in found} == {"in-incognito"}  # as every context of these tests is


def test_what_is_kept_of_it_is_its_own_files_and_nothing_of_the_api(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    assert len(page.evaluate(READY)) == 1
    paths = {url.removeprefix(fake.url) for url in page.evaluate(KEPT)}
    built = {f"/{file.relative_to(fake.site)}" for file in fake.site.rglob("*") if file.is_file()}
    built = {path for path in built if not path.startswith("/welcome-")}  # for who is signed out
    assert paths == built - {"/sw.js"} | {"/config.json"}


def test_it_opens_without_a_network_and_without_a_site(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.evaluate(READY)
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_text("This device has no network")).to_be_visible()
    expect(page.get_by_text("ana@example.com")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    fake.site_status = 503
    page.reload()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.parametrize("count", [1, 2])
def test_a_newer_page_takes_the_place_of_the_older_one(
    browser: Browser, fake: FakeCloud, tmp_path: Path, count: int
) -> None:
    """`browser`: only to be told where none is found."""
    with plain_chromium(str(BROWSER.path()), tmp_path / "profile") as tools:
        page, *others = [sign_in_plainly(Tab(tools, fake.url)) for _ in range(count)]
        (older,) = page.evaluate(f"({READY})()")
        deploy_newer(fake, tmp_path / "site")
        page.reload()
        page.wait_until("document.body.id === 'newer'")  # at once, whoever still has the older one open
        for tab in others:
            tab.evaluate("[...document.querySelectorAll('a')].find((link) => link.textContent === 'Keys').click()")
            tab.wait_until("document.body.innerText.includes('API keys')")  # its files are still there
            tab.close()
        page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update()).then(() => 1)")
        page.wait_until("caches.keys().then((names) => names.length === 2)")
        page.wait_until("navigator.serviceWorker.getRegistration().then((found) => !found.installing)")
        newer = f"caches.keys().then((names) => names.length === 1 && names[0] !== '{older}')"
        active = "navigator.serviceWorker.getRegistration().then((found) => found.active.state === 'activated')"
        for _ in range(
            5
        ):  # newer than the service worker, and the only tab as soon as the browser has closed the others
            page.reload()
            page.wait_until("document.body.innerText.includes('Live')")
            if page.evaluate("navigator.serviceWorker.getRegistration().then((found) => !found.waiting)"):
                break
        page.wait_until(newer)
        page.wait_until(active)
        fake.site_status = 503
        page.reload()
        page.wait_until("document.body.id === 'newer'")
        page.close()


def sign_in_plainly(tab: Tab) -> Tab:
    tab.wait_until("document.querySelector('button.primary')?.textContent === 'Sign in'")
    tab.evaluate("document.querySelector('button.primary').click()")
    tab.wait_until("document.body?.innerText.includes('Live')")
    return tab


def deploy_newer(fake: FakeCloud, place: Path) -> None:
    """The same files, but for a page that says that it is newer, and a service worker of another version."""
    shutil.copytree(fake.site, place, dirs_exist_ok=True)
    index, worker = place / "index.html", place / "sw.js"
    index.write_text(index.read_text().replace("<body>", '<body id="newer">'))
    text = worker.read_text()
    at = text.index('version\\":\\"') + len('version\\":\\"')
    worker.write_text(text[:at] + "f" * 12 + text[at + 12 :])
    fake.site = place


def test_signed_out_nothing_of_it_is_kept(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("() => navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    assert page.evaluate(KEPT) == []
