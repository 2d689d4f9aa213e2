"""A conversation of two thousand messages: opened, read from its end to its beginning, and typed in while an answer is
streamed; and what streaming takes."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser

from bench.figures import Figure, figure, ratios, shown
from bench.page import reckoning
from bench.page.tabs import Tab, plain, tab
from bench.page.talk import pieces, talk
from bench.processor import contention
from tests.browser.fake_cloud import FakeCloud

ROUNDS = 3
EXCHANGES = 1_000
TOKENS_PER_S, PIECES_PER_S = 100, 20  # what a worker sends at most: streaming/live.py, DELTA_INTERVAL_S
KEYS, KEY_MS = 60, 100
ANSWER_TOKENS = 4_000

BOX = '<div class=messages style="height:600px;overflow-y:auto"></div><textarea></textarea>'


def measure(browser: Browser, cloud: FakeCloud, state: Any) -> Iterator[Figure]:
    (long,) = cloud.have_conversations("Long")
    texts = talk(cloud, long, EXCHANGES)
    found: dict[str, list[float]] = {}
    busy: list[float] = []
    for _ in range(ROUNDS):
        for name, value in {**_ours(browser, cloud, state, long), **_plain(browser, cloud, texts)}.items():
            found.setdefault(name, []).append(value)
        busy.append(contention())
    beside = f"the same {2 * EXCHANGES:,} texts as paragraphs of a plain box"
    yield from _pair(
        "page_long_open",
        found,
        "open",
        1_000,
        3,
        f"a conversation of {2 * EXCHANGES:,} messages, until its end is painted",
        beside,
        busy,
    )
    yield from _pair(
        "page_long_scroll",
        found,
        "frame",
        50,
        3,
        "the longest frame while it is read from the end to the beginning and back",
        beside,
        busy,
    )
    yield from _pair(
        "page_long_typing",
        found,
        "key",
        16,
        3,
        f"19 keys of 20 in it, while an answer comes at {TOKENS_PER_S} tokens/s",
        f"a plain box beside {beside}",
        busy,
    )
    yield figure(
        "page_long_inp",
        found["inp"],
        200,
        what="the slowest of its keys, to the next frame (INP)",
        unit="ms",
        waited=busy,
    )


def _pair(
    name: str,
    found: dict[str, list[float]],
    of: str,
    limit: float,
    ratio: float,
    what: str,
    beside: str,
    busy: list[float],
) -> Iterator[Figure]:
    ours, plain = found[of], found[f"plain_{of}"]
    yield figure(name, ours, limit, what=what, unit="ms", waited=busy, plain=plain)
    yield figure(f"{name}_ratio", ratios(ours, plain), ratio, what=f"the same, over {beside}", unit="x", waited=busy)


def _ours(browser: Browser, cloud: FakeCloud, state: Any, long: str) -> dict[str, float]:
    with tab(browser, cloud, state) as one:
        one.page.goto(cloud.url)
        one.page.get_by_role("link", name="Long").wait_for()
        one.page.get_by_text("Live", exact=True).wait_for()
        one.slow()
        last = f"number {EXCHANGES} waits"
        found = {"open": one.bench("open", "Long", last)}
        found["frame"] = max(one.bench("read", "Question 1:"))
        found |= _typed(one, cloud, long)
        del cloud.messages[long][2 * EXCHANGES :]  # the next round finds it as it was
        return found


def _typed(one: Tab, cloud: FakeCloud, long: str) -> dict[str, float]:
    cloud.accept(long, {"content": "And now?"}, f"key-{time.monotonic_ns()}")
    answer = cloud.messages[long][-1]
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(cloud, answer, stop))
    one.bench("listen")
    writer.start()
    one.page.wait_for_timeout(1_000)
    for n in range(KEYS):
        one.key("abcdefghij"[n % 10])
        one.page.wait_for_timeout(KEY_MS)
    stop.set()
    writer.join()
    return reckoning.typed(one.page.evaluate("typed"))


def _write(cloud: FakeCloud, answer: dict[str, Any], stop: threading.Event) -> None:
    """Until it is told to stop: then the answer is whole."""
    offset, text = 0, ""
    for piece in pieces(TOKENS_PER_S * 60, TOKENS_PER_S // PIECES_PER_S):
        if stop.wait(1 / PIECES_PER_S):
            break
        cloud.delta(answer, offset, piece)
        offset, text = offset + len(piece), text + piece
    cloud.finish(answer, text)


def _plain(browser: Browser, cloud: FakeCloud, texts: list[str]) -> dict[str, float]:
    with tab(browser, cloud) as one:
        plain(one, cloud, BOX)
        one.slow()
        found = {"plain_open": one.bench("lay", texts)}
        found["plain_frame"] = max(one.bench("read", "Question 1:"))
        one.bench("listen")
        for n in range(KEYS):
            one.key("abcdefghij"[n % 10])
            one.page.wait_for_timeout(KEY_MS)
        found["plain_key"] = reckoning.typed(one.page.evaluate("typed"))["key"]
        return found


def measure_stream(browser: Browser, cloud: FakeCloud, state: Any) -> Iterator[Figure]:
    """Processor time of the page's own thread, not slowed down."""
    parts = pieces(ANSWER_TOKENS, TOKENS_PER_S // PIECES_PER_S)
    ours, bare = [], []
    for n in range(ROUNDS):
        (one_of_many,) = cloud.have_conversations(f"Stream {n}")
        with tab(browser, cloud, state) as one:
            ours.append(_streamed(one, cloud, one_of_many, parts))
        with tab(browser, cloud) as one:
            plain(one, cloud, "")
            before = one.script_s()
            one.bench("append", [json.dumps({"text": part}) for part in parts])
            bare.append(one.script_s() - before)
    what = f"scripts' processor time for an answer of {ANSWER_TOKENS:,} tokens in {len(parts)} pieces"
    yield figure("page_stream_script", ours, 0.2, what=what, unit="s", plain=bare)
    yield shown(
        "page_stream_script_ratio",
        ratios(ours, bare),
        what="the same, over reading the frames into one text",
        unit="x",
    )
    (paced,) = cloud.have_conversations("At a worker's pace")
    with tab(browser, cloud, state) as one:
        took = _streamed(one, cloud, paced, parts, pause_s=1 / PIECES_PER_S)
    seconds = len(parts) / PIECES_PER_S
    yield shown(
        "page_stream_script_paced", [took], what=f"{what}, as a worker sends them: in {seconds:.0f} s", unit="s"
    )


def _streamed(one: Tab, cloud: FakeCloud, conversation_id: str, parts: list[str], pause_s: float = 0.005) -> float:
    one.page.goto(f"{cloud.url}/#c={conversation_id}")
    cloud.accept(conversation_id, {"content": "Go on"}, f"key-{conversation_id}")
    answer = cloud.messages[conversation_id][-1]
    one.page.locator(".answer").wait_for()
    subscribed(one, cloud, conversation_id)
    before, offset = one.script_s(), 0
    for part in parts:
        cloud.delta(answer, offset, part)
        offset += len(part)
        time.sleep(pause_s)
    cloud.finish(answer, "".join(parts))
    one.page.locator(".answer[aria-busy=false]").wait_for()
    return one.script_s() - before


def subscribed(one: Tab, cloud: FakeCloud, conversation_id: str) -> None:
    while not any(f"conversation:{conversation_id}" in topics for topics in list(cloud.subscriptions.values())):
        one.page.wait_for_timeout(20)
    one.page.wait_for_timeout(300)
