"""What comes into a conversation lays out its messages and nothing around them: as Chromium counts it, never timed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

PIECES = 8
EXCHANGES = 60
KEYS = "what is a queue"
AROUND_A_KEY = 30  # objects: the box's own, and those that it stands in up to the document
STARTS_MS = 4_000
FRAMES_A_SECOND = 4  # its clock is one; each has two looks at what is to be painted


@contextmanager
def traced(page: Page) -> Iterator[list[dict]]:
    """What Chromium tells of its layouts while the block runs: it is there when that has ended."""
    events: list[dict] = []
    ended: list[bool] = []
    chromium = page.context.new_cdp_session(page)
    chromium.on("Tracing.dataCollected", lambda got: events.extend(got["value"]))
    chromium.on("Tracing.tracingComplete", lambda _: ended.append(True))
    chromium.send("Tracing.start", {"transferMode": "ReportEvents", "categories": "devtools.timeline,blink"})
    yield events
    chromium.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)


@contextmanager
def layouts(page: Page) -> Iterator[list[str]]:
    """Where each layout of the page began while the block ran, as Chromium names the elements: they are there when it
    has ended."""
    roots: list[str] = []
    with traced(page) as events:
        yield roots
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


def test_a_key_lays_out_the_box_and_what_it_stands_in_however_long_the_conversation_is(
    page: Page, fake: FakeCloud
) -> None:
    (name,) = fake.have_conversations("Long")
    for n in range(EXCHANGES):
        fake.accept(name, {"content": f"Question {n}?"}, f"key-{n}")
        fake.messages[name][-1].update(content="Because **it** is so.\n\n- a\n- b\n\n" * 6, status="answered")
    sign_in(page, fake)
    page.get_by_role("link", name="Long").click()
    expect(answer_to(page)).to_contain_text("it is so")
    box = page.get_by_label("Message", exact=True)
    box.press_sequentially("now ")  # the button becomes one that can be pressed
    with traced(page) as events:
        box.press_sequentially(KEYS, delay=60)
    laid = [one["args"]["beginData"] for one in events if one["name"] == "Layout" and "beginData" in one["args"]]
    few = [one for one in laid if one["dirtyObjects"] <= AROUND_A_KEY]
    # Meanwhile a message that comes near may be drawn, which is none of a key's.
    assert len(few) >= len(KEYS) // 2, laid
    assert max(one["totalObjects"] for one in few) > 4 * AROUND_A_KEY, laid


# Which properties anything that moves on the page changes.
MOVED = """() => document.getAnimations().flatMap((one) => one.effect.getKeyframes())
  .flatMap((frame) => Object.keys(frame))
  .filter((name) => !["offset", "computedOffset", "easing", "composite"].includes(name))"""


def test_a_session_that_starts_moves_without_the_pages_own_thread(page: Page, fake: FakeCloud) -> None:
    """What changes opacity alone is moved by the compositor: the page draws no frame for it, but one a second for its
    clock. Whoever wants no motion has none."""
    sign_in(page, fake)
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.locator(".graph-now").first).to_be_visible()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_enabled()
    assert set(page.evaluate(MOVED)) == {"opacity"}
    page.wait_for_timeout(1_000)  # parts of the page that come later have come
    with traced(page) as events:
        page.wait_for_timeout(STARTS_MS)
    frames = [one for one in events if one["name"] == "PrePaint"]
    assert 0 < len(frames) <= STARTS_MS / 1000 * 2 * FRAMES_A_SECOND, "something is drawn again and again"
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("document.getAnimations().length === 0")
