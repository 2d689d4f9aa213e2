"""What two hundred answers leave behind."""

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser

from bench.figures import Figure, figure, shown
from bench.page.chatting import subscribed
from bench.page.reckoning import kilobytes_each
from bench.page.tabs import Tab, plain, tab
from bench.page.talk import pieces
from tests.browser.fake_cloud import FakeCloud

ROUNDS = 3
ANSWERS = 200
TOKENS = 50
# What the browser itself keeps for a while: a signal for each request until its 30 s are over, what it has timed, what
# can be undone in the box. An answer's own text is 0.3 KB; one whose drawings were held on to left 45.
LEFT_KB = 5


def measure(browser: Browser, cloud: FakeCloud, state: Any) -> Iterator[Figure]:
    """Of a conversation in which so many answers were streamed, and of one whose answers were there already: nothing
    may stay beyond what is shown."""
    ours, kept, drawn, bare = [], [], [], []
    for n in range(ROUNDS):
        (conversation_id,) = cloud.have_conversations(f"Memory {n}")
        with tab(browser, cloud, state) as one:
            before, after, again = _streamed(one, cloud, conversation_id)
            ours.append(kilobytes_each(again, after, ANSWERS))
            drawn.append(kilobytes_each(before, again, ANSWERS))
            kept.append(after / again)
        with tab(browser, cloud) as one:
            plain(one, cloud, "")
            begun = one.heap_bytes()
            one.bench("paragraphs", [message["content"] for message in cloud.messages[conversation_id]])
            bare.append(kilobytes_each(begun, one.heap_bytes(), ANSWERS))
    yield figure(
        "page_memory",
        ours,
        LEFT_KB,
        what=f"what each of {ANSWERS} answers of {TOKENS} tokens leaves in scripts' memory beyond being shown",
        unit="KB",
        shown=drawn,
        plain=bare,
    )
    # Flat is the figure above: over a page this light its few hundred kilobytes are a tenth of all.
    yield shown(
        "page_memory_ratio",
        kept,
        what="all of it after them, over a page that was opened when they were there already and shows as many",
        unit="x",
    )


def _streamed(one: Tab, cloud: FakeCloud, conversation_id: str) -> tuple[float, float, float]:
    """Bytes before, after, and after the page was opened anew with all of them read."""
    one.page.goto(f"{cloud.url}/#c={conversation_id}")
    subscribed(one, cloud, conversation_id)
    before = one.heap_bytes()
    parts = pieces(TOKENS, 5)
    for n in range(ANSWERS):
        one.page.locator("#message").fill(f"Question {n}")
        one.page.locator("#message").press("Enter")
        one.page.locator("article[aria-busy=true]").wait_for()
        answer, offset = cloud.messages[conversation_id][-1], 0
        for part in parts:
            cloud.delta(answer, offset, part)
            offset += len(part)
        cloud.finish(answer, "".join(parts))
        one.page.locator("article[aria-busy=true]").wait_for(state="detached")
    after = one.heap_bytes()
    one.page.reload()
    subscribed(one, cloud, conversation_id)
    while one.page.locator(".answer").count() < ANSWERS:
        one.page.locator(".messages").evaluate("(box) => box.scrollTo(0, 0)")
        one.page.wait_for_timeout(50)
    return before, after, one.heap_bytes()
