"""A real Chromium, and the built page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.person import Person
from tests.browser.fake_cloud import FakeCloud
from tests.browser.shown import WATCH
from tests.browser.slowness import PATIENCE_MS, slow_down
from tests.local.sessions import end_every_session
from tests.tools import BROWSER, IN_CI

SITE = Path(__file__).parents[2] / "frontend" / "dist"
ARGUMENTS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOPBACK = {"127.0.0.1", "localhost"}

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = BROWSER.path()
    if not path:
        say = pytest.fail if IN_CI else pytest.skip
        say(f"no browser found ({', '.join(BROWSER.names)}): apt-get install {BROWSER.package}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        slow_down(chromium)
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def _no_gpu_is_on(request: pytest.FixtureRequest) -> None:
    """A test of the whole cloud begins without a GPU, whatever the tests before it bought: they share one cloud."""
    if "cloud" in request.fixturenames:
        with Person(request.getfixturevalue("cloud").outputs) as person:
            end_every_session(person)


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab in English whose every error on the console fails the test, and that may only reach this machine."""
    if "fake" in request.fixturenames:
        request.getfixturevalue("fake")  # is there before the tab, and until it is closed: what it still loads comes
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    outside: list[str] = []
    problems: list[str] = []
    context.on("request", lambda request: outside.append(request.url) if _is_outside(request.url) else None)
    tab = context.new_page()
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
    yield tab
    context.close()
    assert outside == []
    assert problems == []


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:
    """Whatever runs, or is kept from it by the policy alone, fails the test: nothing of it may get so far."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.add_init_script(WATCH)
    yield page
    assert page.evaluate("window.seen") == []
    assert dialogs == []


def _is_outside(url: str) -> bool:
    host = url.split("/")[2].rsplit(":", 1)[0] if "://" in url else ""
    return not url.startswith(("data:", "blob:")) and host not in LOOPBACK and not host.endswith(".localhost")


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").is_file():
        pytest.fail("the page is not built: cd frontend && npm ci && npm run build")
    return SITE


@pytest.fixture
def fake(site: Path) -> Iterator[FakeCloud]:
    with FakeCloud(site) as cloud:
        yield cloud
