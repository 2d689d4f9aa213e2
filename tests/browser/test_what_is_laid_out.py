"""What comes into a conversation lays out its messages and nothing around them: as Chromium counts it, never timed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

PIECES = 8


@contextmanager
def layouts(page: Page) -> Iterator[list[str]]:
    """Where each layout of the page began while the block ran, as Chromium names the elements: they are there when it
    has ended."""
    events: list[dict] = []
    ended: list[bool] = []
    roots: list[str] = []
    chromium = page.context.new_cdp_session(page)
    chromium.on("Tracing.dataCollected", lambda got: events.extend(got["value"]))
    chromium.on("Tracing.tracingComplete", lambda _: ended.append(True))
    chromium.send("Tracing.start", {"transferMode": "ReportEvents", "categories": "devtools.timeline,blink"})
    yield roots
    chromium.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)
    laid = [
        one["args"]["endData"] for one in events if one["name"] == "LocalFrameView::layout" and "endData" in one["args"]
    ]
    roots += [root["nodeName"] for one in laid for root in one["layoutRoots"]]


def test_words_that_come_lay_out_the_messages_and_nothing_around_them(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.delta(answer, 0, "It begins.")
    expect(answer_to(page)).to_contain_text("It begins.")
    sent = len("It begins.")
    with layouts(page) as roots:
        for n in range(PIECES):
            fake.delta(answer, sent, f"\n\nParagraph {n}.")
            sent += len(f"\n\nParagraph {n}.")
            expect(answer_to(page)).to_contain_text(f"Paragraph {n}.")
    # The clock of the session may lay out the page around them meanwhile.
    assert len([root for root in roots if "id='messages'" in root]) >= PIECES // 2, roots
