"""Somebody speaks to the page, by Chromium's own fake microphone, and what they said stands in the composer."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.driving import answer_to, open_list, sign_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.microphone import chromium_with, hearing, voiced, wav_file
from tests.browser.test_accessible import AXE, look

pytestmark = pytest.mark.browser

# What a browser keeps for longer than a page is open.
KEPT = """async () => {
  const found = [JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage})];
  for (const name of await caches.keys()) {
    for (const one of await (await caches.open(name)).keys()) found.push(one.url);
  }
  for (const { name } of await indexedDB.databases()) {
    const open = await new Promise((done, no) => {
      const asked = indexedDB.open(name);
      asked.onsuccess = () => done(asked.result);
      asked.onerror = no;
    });
    for (const store of open.objectStoreNames) {
      const all = await new Promise((done, no) => {
        const asked = open.transaction(store).objectStore(store).getAll();
        asked.onsuccess = () => done(asked.result);
        asked.onerror = no;
      });
      const bytes = (one) => one instanceof Blob || one instanceof ArrayBuffer || ArrayBuffer.isView(one);
      found.push(JSON.stringify(all, (_, one) => (bytes(one) ? "BYTES" : one)));
    }
    open.close();
  }
  return found.join(" ");
}"""


@pytest.fixture(scope="module")
def talking(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone hears somebody."""
    with hearing(browser, wav_file(tmp_path_factory.mktemp("heard") / "said.wav")) as chromium:
        yield chromium


@pytest.fixture
def context(talking: Browser) -> Iterator[BrowserContext]:
    context = talking.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    yield context
    context.close()


def speak(page: Page) -> Locator:
    return page.get_by_role("button", name="Speak", exact=True)


def done(page: Page) -> Locator:
    return page.get_by_role("button", name="Stop and write it down")


def message(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def wait_for_seconds(page: Page, seconds: int) -> None:
    """Until so much is recorded."""
    page.wait_for_function(
        """(least) => {
          const [, minutes, seconds] = document.querySelector(".voice")?.textContent.match(/(\\d+):(\\d+) /) ?? [];
          return minutes * 60 + +seconds >= least;
        }""",
        arg=seconds,
    )


def say_something(page: Page) -> None:
    """Pressed once, and again when a second is recorded."""
    speak(page).click()
    wait_for_seconds(page, 1)
    done(page).click()


def test_without_a_voice_there_is_nothing_of_it(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    expect(speak(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Read answers aloud")).to_have_count(0)
    page.get_by_role("link", name="Preferences", exact=True).click()
    expect(page.get_by_role("region", name="Memory", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Voice", exact=True)).to_have_count(0)
    asked: list[str] = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert not [url for url in asked if "recorder" in url]


def test_pressed_once_and_again_it_stands_in_the_composer_to_be_read(context: BrowserContext, fake: FakeCloud) -> None:
    fake.voice.says = ["is a queue?"]
    page = voiced(context, fake)
    message(page).fill("What")
    speak(page).click()
    expect(done(page)).to_have_attribute("aria-pressed", "true")
    meter = page.get_by_role("meter", name="How loud you are")
    expect(meter).to_be_visible()
    page.wait_for_function("() => document.querySelector('.voice meter')?.value > 0.5")
    wait_for_seconds(page, 1)
    done(page).click()
    expect(message(page)).to_have_value("What is a queue?")
    expect(speak(page)).to_have_attribute("aria-pressed", "false")
    expect(meter).to_have_count(0)
    assert fake.answers() == [], "it is read before it is sent"
    (recording,) = fake.voice.recordings
    assert recording.kind.value == "wav" and 0.9 < recording.seconds < 30
    assert recording.language == "en-US"
    expect(page.get_by_role("status")).to_contain_text("Written into the message: is a queue?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("article", name="You")).to_contain_text("What is a queue?")


def test_held_it_listens_until_it_is_let_go(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake)
    speak(page).hover()
    page.mouse.down()
    wait_for_seconds(page, 1)
    page.mouse.move(5, 5)  # a finger slips
    expect(done(page)).to_be_visible()
    page.mouse.up()
    expect(message(page)).to_have_value("What is a queue?")


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_by_the_keyboard_it_is_held_or_pressed(context: BrowserContext, fake: FakeCloud, key: str) -> None:
    page = voiced(context, fake)
    speak(page).focus()
    page.keyboard.press(key)
    wait_for_seconds(page, 1)
    page.keyboard.press(key)
    expect(message(page)).to_have_value("What is a queue?")
    message(page).fill("")
    speak(page).focus()
    page.keyboard.down(key)
    page.keyboard.down(key)  # a key that is held says so again and again
    wait_for_seconds(page, 1)
    page.keyboard.up(key)
    expect(message(page)).to_have_value("What is a queue?")
    assert len(fake.voice.recordings) == 2


def test_a_screen_readers_click_begins_and_ends_it(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake)
    speak(page).evaluate("(one) => one.click()")
    wait_for_seconds(page, 1)
    done(page).evaluate("(one) => one.click()")
    expect(message(page)).to_have_value("What is a queue?")


def test_it_is_sent_at_once_where_somebody_prefers_that_but_not_with_what_is_typed(
    context: BrowserContext, fake: FakeCloud
) -> None:
    page = voiced(context, fake)
    page.get_by_role("link", name="Preferences", exact=True).click()
    box = page.get_by_label("Send what I say at once, without my reading it first")
    with page.expect_response(lambda one: one.request.method == "PATCH"):
        box.check()
    assert fake.own.me["sends_spoken"] is True
    page.get_by_role("link", name="Chats", exact=True).click()
    say_something(page)
    expect(page.get_by_role("article", name="You")).to_contain_text("What is a queue?")
    expect(message(page)).to_have_value("")
    expect(answer_to(page)).to_contain_text("queued")
    fake.finish(fake.answers()[-1], "A line.")
    expect(answer_to(page)).to_contain_text("A line.")
    message(page).fill("Half a thought")
    say_something(page)
    expect(message(page)).to_have_value("Half a thought What is a queue?")
    assert len(fake.answers()) == 1


def test_escape_and_a_button_drop_it_and_nothing_is_sent(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake)
    message(page).fill("Typed")
    for drop in (lambda: page.keyboard.press("Escape"), lambda: page.get_by_role("button", name="Discard").click()):
        speak(page).click()
        wait_for_seconds(page, 1)
        drop()
        expect(speak(page)).to_have_attribute("aria-pressed", "false")
    expect(message(page)).to_have_value("Typed")
    assert fake.voice.recordings == []


def test_a_browser_keeps_nothing_of_a_recording(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake)
    say_something(page)
    expect(message(page)).to_have_value("What is a queue?")
    kept = page.evaluate(KEPT)
    assert "foreverus" in kept, "what it keeps was looked at"
    assert "BYTES" not in kept and "RIFF" not in kept and "audio" not in kept
    assert page.evaluate("window.blobs") == 0
    assert page.evaluate(TRACKS) == []


# Microphones that the browser gave.
WATCH = """
window.tracks = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
TRACKS = "(window.tracks ?? []).filter((one) => one.readyState === 'live').map((one) => one.label)"


def test_the_microphone_is_let_go_when_it_is_over_and_when_somebody_signs_out(
    context: BrowserContext, fake: FakeCloud
) -> None:
    context.add_init_script(WATCH)
    page = voiced(context, fake)
    say_something(page)
    expect(message(page)).to_have_value("What is a queue?")
    assert page.evaluate("window.tracks.length") == 1
    assert page.evaluate(TRACKS) == []
    speak(page).click()
    wait_for_seconds(page, 1)
    assert len(page.evaluate(TRACKS)) == 1
    live = "(one) => { sessionStorage.live = window.tracks.filter((track) => track.readyState === 'live').length; }"
    page.evaluate(f"addEventListener('pagehide', {live})")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("sessionStorage.live") == "0"
    assert len(fake.voice.recordings) == 1, "what was being said went nowhere"


def test_a_refused_microphone_says_what_to_do(context: BrowserContext, fake: FakeCloud) -> None:
    context.grant_permissions(["clipboard-read"], origin=fake.url)  # and so the microphone is not
    page = voiced(context, fake, ear=False)
    message(page).fill("Typed")
    speak(page).click()
    expect(page.get_by_role("alert")).to_contain_text("This page may not use the microphone.")
    expect(message(page)).to_have_value("Typed")
    context.grant_permissions(["microphone"], origin=fake.url)
    say_something(page)
    expect(message(page)).to_have_value("Typed What is a queue?")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_without_a_microphone_it_says_so(browser: Browser, fake: FakeCloud) -> None:
    with chromium_with(browser) as plain:
        page = voiced(plain.new_context(locale="en-US"), fake)
        speak(page).click()
        expect(page.get_by_role("alert")).to_contain_text("No microphone was found.")


def test_silence_is_not_sent_and_costs_nothing(browser: Browser, fake: FakeCloud, tmp_path: Path) -> None:
    with hearing(browser, wav_file(tmp_path / "silence.wav", loud=0)) as quiet:
        page = voiced(quiet.new_context(locale="en-US"), fake)
        message(page).fill("Typed")
        say_something(page)
        expect(page.get_by_role("alert")).to_contain_text("Nothing was heard.")
        expect(message(page)).to_have_value("Typed")
    assert fake.voice.recordings == []


def test_what_nobody_understands_says_so(context: BrowserContext, fake: FakeCloud) -> None:
    fake.voice.says = [""]
    page = voiced(context, fake)
    say_something(page)
    expect(page.get_by_role("alert")).to_contain_text("That could not be understood.")


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("spend_cap_reached", 402, "The spend cap is used up"),
        # Where Voice is container, and its task boots.
        ("container_starting", 503, "What does this is still starting. Try again in 30 s"),
    ],
)
def test_who_cannot_be_heard_is_told_why_and_the_recording_kept_until_it_is_tried_again(
    context: BrowserContext, fake: FakeCloud, code: str, status: int, told: str
) -> None:
    page = voiced(context, fake)
    message(page).fill("Typed")
    fake.says, fake.code = "What the API says.", code
    fake.troubles = [("POST", "/audio/transcriptions", status)]
    say_something(page)
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(message(page)).to_have_value("Typed")
    page.get_by_role("button", name="Try the recording again").click()
    expect(message(page)).to_have_value("Typed What is a queue?")
    expect(page.get_by_role("button", name="Try the recording again")).to_have_count(0)


def test_offline_nothing_is_lost_neither_typed_nor_spoken(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake)
    message(page).fill("Typed")
    speak(page).click()
    wait_for_seconds(page, 1)
    fake.unreachable = True
    done(page).click()
    again = page.get_by_role("button", name="Try the recording again")
    expect(again).to_be_visible()
    expect(page.locator(".voice").get_by_role("alert")).not_to_be_empty()
    expect(message(page)).to_have_value("Typed")
    fake.unreachable = False
    again.click()
    expect(message(page)).to_have_value("Typed What is a queue?")


def test_a_voice_that_is_switched_off_meanwhile_says_so_and_goes(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake)
    message(page).fill("Typed")
    fake.voice.is_on = False
    say_something(page)
    expect(page.get_by_role("alert")).to_contain_text("Voice was switched off by whoever runs this.")
    expect(speak(page)).to_have_count(0)
    expect(message(page)).to_have_value("Typed")


def test_ten_minutes_are_the_most_and_come_in_parts_that_are_joined(context: BrowserContext, fake: FakeCloud) -> None:
    """Time runs faster here: the microphone hands over a minute at once."""
    fake.voice.says = ["one", "two", "three", "four", "five", "six"]
    page = voiced(context, fake)
    # What comes from the worklet is made two hundred times as much.
    page.evaluate(
        """() => {
          const { set } = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
          Object.defineProperty(MessagePort.prototype, "onmessage", { configurable: true, set(hear) {
            set.call(this, hear && ((event) => {
              if (!(event.data instanceof Float32Array)) return hear(event);
              const long = new Float32Array(event.data.length * 200);
              for (let at = 0; at < long.length; at += event.data.length) long.set(event.data, at);
              hear({ data: long });
            }));
          }});
        }"""
    )
    speak(page).click()
    expect(page.get_by_role("alert")).to_contain_text("A recording can have 10 minutes: it stopped there.")
    # Where it is cut hangs on where it is quiet: there may be one part more.
    expect(message(page)).to_have_value(re.compile("^one two three four five six( six)*$"))
    assert 590 < sum(one.seconds for one in fake.voice.recordings) <= 600.1
    assert all(one.seconds <= 120 for one in fake.voice.recordings)


def test_words_go_to_the_conversation_in_which_they_were_said(context: BrowserContext, fake: FakeCloud) -> None:
    (there,) = fake.have_conversations("Elsewhere")
    page = voiced(context, fake)
    speak(page).click()
    wait_for_seconds(page, 1)
    with fake.held("/v1/audio/transcriptions"):
        done(page).click()
        page.get_by_role("link", name="Elsewhere").click()
        expect(page.get_by_role("heading", name="Elsewhere")).to_be_visible()
    page.wait_for_function("() => JSON.stringify({...localStorage}).includes('What is a queue?')")
    expect(message(page)).to_have_value("")
    assert there in fake.conversations


def test_it_speaks_portuguese_on_a_phone_and_axe_finds_nothing(talking: Browser, fake: FakeCloud) -> None:
    phone = {"width": 360, "height": 740}
    context = talking.new_context(locale="pt-BR", viewport=phone, has_touch=True, is_mobile=True, bypass_csp=True)
    context.grant_permissions(["microphone"], origin=fake.url)
    fake.own.has_voice = True
    fake.voice.says = ["O que é uma fila?"]
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    falar = page.get_by_role("button", name="Falar", exact=True)
    falar.tap()
    expect(page.get_by_role("meter", name="Volume da sua voz")).to_be_visible()
    wait_for_seconds(page, 1)
    page.add_script_tag(path=AXE)
    found: dict[str, list[str]] = {}
    look(page, "recording", found)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Parar e escrever").tap()
    expect(page.get_by_label("Mensagem", exact=True)).to_have_value("O que é uma fila?")
    assert fake.voice.recordings[0].language == "pt-BR"
    look(page, "written", found)
    open_list(page)
    page.get_by_role("link", name="Preferências", exact=True).click()
    voz = page.get_by_role("region", name="Voz", exact=True)
    with page.expect_response(lambda one: one.request.method == "PATCH"):
        voz.get_by_label("Língua que eu falo").select_option(label="Inglês")
    assert fake.own.me["hears"] == "en"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    look(page, "preferences", found)
    assert found == {}
    context.close()
