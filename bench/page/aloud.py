"""How soon an answer is heard: from its first sentence on the page to the first sound, in a real Chromium, with the
laptop's voice behind the route. Beside it in the same run, that voice alone with the same sentence."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from playwright.sync_api import Browser, Page

from bench.figures import Figure, figure, ratios
from bench.page.tabs import tab
from bench.voice import SENTENCES, VOICE, run
from tests.browser.driving import ask, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud

NAME = "page_aloud"
MOST_S = 1.0
MOST_RATIO = 1.2

# From when the text is on the page until a sound begins, in seconds.
WATCH = """() => {
  window.timed = new Promise((done) => {
    let there = 0;
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (...all) {
      AudioBufferSourceNode.prototype.start = start;
      done((performance.now() - there) / 1000);
      return start.apply(this, all);
    };
    new MutationObserver(() => {
      const text = [...document.querySelectorAll("[role=log] article")].at(-1)?.textContent ?? "";
      if (!there && text.includes("And then")) there = performance.now();
    }).observe(document.querySelector("[role=log]"), { subtree: true, childList: true, characterData: true });
  });
}"""


class Engine:
    """The laptop's voice, and how long it took each time."""

    def __init__(self) -> None:
        self.took: list[float] = []

    def speak(self, text: str) -> bytes:
        begun = perf_counter()
        sound = run("local.voice", "mp3", VOICE, given=f"<speak>{text}</speak>".encode())
        self.took.append(perf_counter() - begun)
        return sound


def measure(browser: Browser, cloud: FakeCloud, state: Any) -> Iterator[Figure]:
    engine = Engine()
    cloud.voice.speaks = engine.speak
    cloud.own.has_voice = True
    cloud.own.me["reads_aloud"] = True
    with tab(browser, cloud, state) as one:
        one.page.goto(cloud.url)
        one.page.get_by_role("button", name="Speak", exact=True).wait_for()
        one.page.get_by_label("Message", exact=True).click()  # a browser lets nobody be heard before
        pairs = [(heard(one.page, cloud, sentence), alone(engine, sentence)) for sentence in SENTENCES * 3]
    ours, bare = [our for our, _ in pairs], [its for _, its in pairs]
    what = "from a first sentence on the page to its first sound, with the laptop's voice"
    yield figure(f"{NAME}_seconds", ours, MOST_S, what=what, unit="s")
    beside = "the same, beside that voice alone with the same sentence"
    yield figure(f"{NAME}_to_engine", ratios(ours, bare), MOST_RATIO, what=beside, unit="times", by_middle=True)


def heard(page: Page, cloud: FakeCloud, sentence: str) -> float:
    """Seconds until an answer that begins with it is heard."""
    page.evaluate(WATCH)
    ask(page, "What is it?")
    page.locator("article[aria-busy=true]").wait_for()
    answer = cloud.answers()[-1]
    wait_for_subscription(page, cloud, f"conversation:{answer['conversation_id']}")
    cloud.delta(answer, 0, f"{sentence} And then")
    took = float(page.evaluate("window.timed"))
    page.get_by_role("button", name="Stop reading").first.click()
    cloud.finish(answer, sentence)
    page.locator("article[aria-busy=true]").wait_for(state="detached")
    return took


def alone(engine: Engine, sentence: str) -> float:
    engine.speak(sentence)
    return engine.took[-1]
