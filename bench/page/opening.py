"""From the address to a page that can be typed into."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from bench.figures import Figure, figure, ratios
from bench.page import reckoning
from bench.page.reckoning import Opened
from bench.page.tabs import Tab, plain, signed_in, tab
from bench.processor import contention
from tests.browser.fake_cloud import FakeCloud

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
MANY = 1_000


def opened(one: Tab, url: str) -> Opened:
    one.slow()
    one.page.goto(url, wait_until="commit")
    ready = one.bench("ready", False)
    one.page.wait_for_timeout(300)
    return reckoning.opened(ready, one.page.evaluate("watched"))


MODULES = ROOT / "frontend" / "node_modules"
PREACT = MODULES / "preact" / "dist" / "preact.mjs"
SIGNALS = MODULES / "@preact" / "signals-core" / "dist" / "signals-core.mjs"
# The scripts of the page's own that had come by then.
CAME = """(until) => performance.getEntriesByType("resource")
  .filter((one) => new URL(one.name).pathname.endsWith(".js") && one.responseEnd <= until)
  .map((one) => one.name)"""

# Prints how many bytes each file has as CloudFront sends it.
SIZES = """
const { brotliCompressSync } = require("node:zlib"), { readFileSync } = require("node:fs");
for (const name of process.argv.slice(1)) console.log(brotliCompressSync(readFileSync(name)).length);
"""


def script_kb(browser: Browser, cloud: FakeCloud, state: Any) -> tuple[float, float]:
    """(the scripts that have come when the page can be typed into, Preact and its signals alone), compressed."""
    with tab(browser, cloud, state) as one:
        typing = opened(one, cloud.url).typing_ms
        came: list[str] = one.page.evaluate(CAME, typing)
    files = [cloud.site / url.removeprefix(cloud.url).lstrip("/") for url in came] + [PREACT, SIGNALS]
    path = os.pathsep.join([str(ROOT / ".local" / "node" / "bin"), os.environ.get("PATH", "")])
    said = subprocess.run(
        ["node", "-e", SIZES, *map(str, files)], env={"PATH": path}, check=True, capture_output=True, text=True
    )
    sizes = [int(size) / 1000 for size in said.stdout.split()]
    return sum(sizes[:-2]), sum(sizes[-2:])


def opened_plain(browser: Browser, cloud: FakeCloud) -> float:
    """A page of the same server that draws a box to type into with Preact."""
    with tab(browser, cloud) as one:
        one.slow()
        body = PREACT.read_text(encoding="utf-8")
        one.page.route("**/preact.js", lambda route: route.fulfill(body=body, content_type="text/javascript"))
        script = """
            import { h, render } from "/preact.js";
            render(h("textarea", { id: "message" }), document.body);
        """
        plain(one, cloud, "", script)
        return float(one.bench("ready", True)["typing"])


def measure(browser: Browser, cloud: FakeCloud, state: Any) -> Iterator[Figure]:
    cloud.have_conversations("What is a queue?", "And what is a stack?")
    kilobytes, of_framework = script_kb(browser, cloud, state)
    yield figure(
        "page_script", [kilobytes], 75, what="compressed script that has come when it can be typed into", unit="KB"
    )
    yield figure(
        "page_script_ratio",
        [kilobytes / of_framework],
        12,
        what="the same, over Preact and its signals alone",
        unit="x",
    )
    ours: list[Opened] = []
    bare, busy = [], []
    for _ in range(ROUNDS):
        with tab(browser, cloud, state) as one:
            ours.append(opened(one, cloud.url))
        bare.append(opened_plain(browser, cloud))
        busy.append(contention())
    typing = [one.typing_ms for one in ours]
    ratio = ratios(typing, bare)
    yield figure(
        "page_interactive",
        typing,
        1_000,
        what="a first visit with an empty cache, until the page can be typed into",
        unit="ms",
        waited=busy,
        plain_ms=bare,
    )
    yield figure(
        "page_interactive_ratio",
        ratio,
        6,
        what="the same, over a page of the same server that draws a box to type into with Preact",
        unit="x",
        waited=busy,
    )
    yield figure(
        "page_lcp",
        [o.painted_ms for o in ours],
        1_000,
        what="its largest thing is painted (LCP)",
        unit="ms",
        waited=busy,
    )
    yield figure("page_cls", [o.shift for o in ours], 0.1, what="how much moved while it opened (CLS)", unit="")
    yield figure(
        "page_tbt",
        [o.blocked_ms for o in ours],
        300,
        what="tasks beyond 50 ms while it opened (TBT)",
        unit="ms",
        waited=busy,
    )


def measure_many(browser: Browser, cloud: FakeCloud, state: Any) -> Iterator[Figure]:
    """The same with a thousand conversations."""
    few: list[float] = []
    many: list[float] = []
    cloud.have_conversations("What is a queue?", "And what is a stack?")
    busy: list[float] = []
    for _ in range(ROUNDS):
        with FakeCloud(cloud.site) as other:
            other.have_conversations(*(f"Question {n}" for n in range(MANY)))
            with tab(browser, other, signed_in(browser, other)) as one:
                many.append(opened(one, other.url).live_ms)
        with tab(browser, cloud, state) as one:
            few.append(opened(one, cloud.url).live_ms)
        busy.append(contention())
    yield figure(
        "page_live", many, 1_000, what=f"with {MANY:,} conversations, until it is live", unit="ms", waited=busy
    )
    yield figure("page_live_ratio", ratios(many, few), 1.2, what="the same, over one with few conversations", unit="x")
