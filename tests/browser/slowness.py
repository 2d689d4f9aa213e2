"""A slow line and a slow machine, on purpose: `make browser-slow`. What a test finds only because everything was fast,
or reads while the page still settles, fails there on every machine, and not once a month on somebody else's.

- `PAGE_LATE_MS`: the scripted cloud answers each request by up to so many milliseconds later, in no order.
- `PAGE_CPU_SLOWER`: the page's own processor is slower by this factor.
"""

import os
import random
import time

from playwright.sync_api import Browser, BrowserContext, Page

LATE_MS = float(os.environ.get("PAGE_LATE_MS") or 0)
PATIENCE_MS = 60_000  # a bound for what never comes, not for how long it may take
CPU_SLOWER = float(os.environ.get("PAGE_CPU_SLOWER") or 1)


def come_late() -> None:
    if LATE_MS:
        time.sleep(random.uniform(0, LATE_MS) / 1000)


def slow_down(browser: Browser) -> None:
    """Every page that it opens from now on, which has the patience that this takes: clicks and waits have less of their
    own than what a test expects."""
    plain = browser.new_context

    def new_context(**options: object) -> BrowserContext:
        context = plain(**options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        if CPU_SLOWER <= 1:
            return context

        def slow(page: Page) -> None:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})

        context.on("page", slow)
        return context

    browser.new_context = new_context  # type: ignore[method-assign]
