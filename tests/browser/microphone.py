"""Chromium's own fake microphone: a WAV file is what it hears, again and again."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from foreverus.abilities.text_to_speech.sound import wav
from tests.browser.conftest import ARGUMENTS
from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.fake_voice import tone
from tests.browser.slowness import slow_down
from tests.tools import BROWSER

# What is heard of the page: each sound that begins, its length, how loud it is and when it was; each address of a blob.
LISTEN = """
window.sounds = []; window.blobs = 0;
const start = AudioBufferSourceNode.prototype.start, made = URL.createObjectURL;
AudioBufferSourceNode.prototype.start = function (...all) {
  const loudest = this.buffer.getChannelData(0).reduce((most, one) => Math.max(most, one), 0);
  const one = { seconds: this.buffer.duration, loudest, at: this.context.currentTime, over: false };
  window.sounds.push(one);
  this.addEventListener("ended", () => (one.over = true));
  return start.apply(this, all);
};
URL.createObjectURL = (one) => (window.blobs++, made(one));
"""


def wav_file(path: Path, seconds: float = 4, loud: float = 0.3) -> Path:
    path.write_bytes(wav(tone(seconds, loud)))
    return path


@contextmanager
def chromium_with(browser: Browser, *more: str) -> Iterator[Browser]:
    """Another one, started with these."""
    other = browser.browser_type.launch(executable_path=BROWSER.path(), args=[*ARGUMENTS, *more])
    slow_down(other)
    try:
        yield other
    finally:
        other.close()


def hearing(browser: Browser, heard: Path) -> AbstractContextManager[Browser]:
    """One whose microphone hears that file."""
    device = "--use-fake-device-for-media-stream"
    return chromium_with(browser, device, f"--use-file-for-fake-audio-capture={heard}")


def voiced(context: BrowserContext, fake: FakeCloud, ear: bool = True) -> Page:
    """A tab of a person whose deployment has a voice. `ear`: they let the page use the microphone."""
    if ear:
        context.grant_permissions(["microphone"], origin=fake.url)
    fake.own.has_voice = True
    page = context.new_page()
    page.add_init_script(LISTEN)
    sign_in(page, fake)
    expect(page.get_by_role("button", name="Speak", exact=True)).to_be_visible()
    return page
