"""All that is measured of the page."""

from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.page import aloud, chatting, memory, opening
from bench.page.tabs import chromium, signed_in
from tests.browser.fake_cloud import FakeCloud

NAMES = ("page_open", "page_many", "page_long", "page_stream", "page_memory", aloud.NAME)
SITE = Path(__file__).resolve().parents[2] / "frontend" / "dist"

PARTS = {
    "page_open": opening.measure,
    "page_many": opening.measure_many,
    "page_long": chatting.measure,
    "page_stream": chatting.measure_stream,
    "page_memory": memory.measure,
    aloud.NAME: aloud.measure,
}


def measure(names: list[str]) -> Iterator[Figure]:
    if not set(PARTS) & set(names):
        return
    with chromium() as browser:
        for name, part in PARTS.items():
            if name in names:
                with FakeCloud(SITE) as cloud:
                    yield from part(browser, cloud, signed_in(browser, cloud))
