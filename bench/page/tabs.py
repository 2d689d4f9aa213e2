"""A tab whose processor is slow, what Chromium counts of it, and the plain pages that ours is compared with."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.browser.fake_cloud import FakeCloud
from tests.tools import BROWSER

SLOWER = 4  # as Lighthouse has it for a phone of the middle
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

IN_PAGE = (Path(__file__).parent / "in_page.js").read_text(encoding="utf-8")


class Tab:
    """`page` may be driven by Playwright as in tests; what is measured is measured in it, not from here."""

    def __init__(self, page: Page):
        self.page = page
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def slow(self, rate: int = SLOWER) -> None:
        self._cdp.send("Emulation.setCPUThrottlingRate", {"rate": rate})

    def script_s(self) -> float:
        """Of its main thread's processor time, what scripts took since the tab was opened."""
        return self._metrics()["ScriptDuration"]

    def heap_bytes(self) -> float:
        """Of scripts, after everything that nobody needs has been collected."""
        for _ in range(2):
            self._cdp.send("HeapProfiler.collectGarbage")
        return self._metrics()["JSHeapUsedSize"]

    def bench(self, name: str, *arguments: object) -> Any:
        """What a function of in_page.js resolves with."""
        return self.page.evaluate(f"(all) => bench.{name}(...all)", list(arguments))

    def key(self, text: str) -> None:
        """Comes as a keyboard's does, and is not waited for."""
        self._cdp.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, "key": text})
        self._cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": text})

    def _metrics(self) -> dict[str, float]:
        return {one["name"]: one["value"] for one in self._cdp.send("Performance.getMetrics")["metrics"]}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises RuntimeError where there is none."""
    path = BROWSER.path()
    if not path:
        raise RuntimeError(f"No browser was found ({', '.join(BROWSER.names)}): apt-get install {BROWSER.package}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, cloud: FakeCloud, state: Any = None) -> Iterator[Tab]:
    """A fresh one, with an empty cache, in English. `state`: what the tab's sessionStorage has from the beginning."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    if state:
        here, kept = json.dumps(cloud.url), json.dumps(state)
        keep = f"for (const [name, value] of Object.entries({kept})) sessionStorage[name] ??= value;"
        context.add_init_script(f"if (location.origin === {here}) {{ {keep} }}")
    context.add_init_script(IN_PAGE)
    opened = Tab(context.new_page())
    try:
        yield opened
    finally:
        context.close()


def signed_in(browser: Browser, cloud: FakeCloud) -> Any:
    """What a tab's sessionStorage has once somebody has signed in."""
    with tab(browser, cloud) as one:
        one.page.goto(cloud.url)
        one.page.get_by_role("button", name="Sign in").click()
        one.page.get_by_text("Live", exact=True).wait_for()
        return one.page.evaluate("({...sessionStorage})")


def plain(one: Tab, cloud: FakeCloud, body: str, script: str = "") -> None:
    """Opens a page of the same server that has nothing but `body`."""
    style = "<style>body { font: 16px/1.5 sans-serif }</style>"
    html = f"<!doctype html><meta charset=utf-8>{style}{body}<script type=module>{script}</script>"
    one.page.route("**/plain.html", lambda route: route.fulfill(body=html, content_type="text/html"))
    one.page.goto(f"{cloud.url}/plain.html")
