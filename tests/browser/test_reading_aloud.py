"""Answers are read aloud as they come or when somebody asks: in order, the next one fetched while one is heard, until
somebody says stop. What is heard is what the page has the browser play."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.driving import answer_to, looks, open_list, start_answer, start_answer_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.microphone import LISTEN, chromium_with, voiced
from tests.browser.test_accessible import AXE, look

pytestmark = pytest.mark.browser

STORY = ["A queue is a line. ", "The first in it is served first. ", "Dr. Who waits 3.14 minutes. ", "That is all."]


@pytest.fixture(scope="module")
def loud(browser: Browser) -> Iterator[Browser]:
    """A browser that has something to play to, where the machine has not."""
    with chromium_with(browser, "--use-fake-device-for-media-stream") as chromium:
        yield chromium


@pytest.fixture
def context(loud: Browser) -> Iterator[BrowserContext]:
    context = loud.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    yield context
    context.close()


def heard(page: Page, count: int) -> list[dict]:
    """So many sounds have begun."""
    page.wait_for_function("(n) => window.sounds.length >= n", arg=count)
    return list(page.evaluate("window.sounds"))


def over(page: Page) -> None:
    """Nothing is read any more."""
    expect(page.get_by_role("button", name="Stop reading")).to_have_count(0)


def asked(page: Page, fake: FakeCloud, count: int) -> list[str]:
    """So many have been fetched."""
    for _ in looks(page):
        if len(fake.voice.texts) >= count:
            return fake.voice.texts
    raise AssertionError(f"fetched: {fake.voice.texts}")


def auto(page: Page) -> Locator:
    return page.get_by_role("button", name="Read answers aloud")


def switch_on(page: Page, fake: FakeCloud) -> None:
    with page.expect_response(lambda one: one.request.method == "PATCH"):
        auto(page).click()
    expect(auto(page)).to_have_attribute("aria-pressed", "true")
    assert fake.own.me["reads_aloud"] is True


def answered(page: Page, fake: FakeCloud, text: str) -> Locator:
    """An answer that is there, and its button."""
    fake.finish(start_answer(page, fake), text)
    expect(answer_to(page)).to_contain_text(text[-3:])
    return page.get_by_role("button", name="Read aloud", exact=True).last


def test_an_answer_is_read_as_it_comes_in_order_and_the_next_is_fetched_while_one_is_heard(
    context: BrowserContext, fake: FakeCloud
) -> None:
    fake.voice.seconds_a_character = 0.05
    page = voiced(context, fake, ear=False)
    switch_on(page, fake)
    answer = start_answer(page, fake)
    fake.delta(answer, 0, STORY[0])
    page.wait_for_timeout(300)
    assert fake.voice.texts == [], "a sentence is whole when another one begins"
    fake.delta(answer, len(STORY[0]), STORY[1])
    assert asked(page, fake, 1) == ["A queue is a line."]
    (first,) = heard(page, 1)
    assert first["loudest"] > 0.1
    text = "".join(STORY)
    fake.delta(answer, len(STORY[0] + STORY[1]), "".join(STORY[2:]))
    assert asked(page, fake, 2)[1].startswith("The first in it is served first."), "fetched ahead"
    fake.finish(answer, text)
    over(page)
    assert " ".join(fake.voice.texts) == text
    sounds = page.evaluate("window.sounds")
    assert len(sounds) == len(fake.voice.texts) and all(one["over"] for one in sounds)
    assert {one["voice"] for one in fake.voice.read} == {"nova"}
    assert {one["language"] for one in fake.voice.read} == {"en-US"}
    assert page.evaluate("window.blobs") == 0


def test_one_is_heard_after_the_other(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake, ear=False)
    long = " ".join(f"This is sentence number {n}, and it says {'something ' * 12}." for n in range(4))
    answered(page, fake, long).click()
    heard(page, 4)
    over(page)
    sounds = page.evaluate("window.sounds")
    assert len(sounds) == len(fake.voice.texts) == 4
    for before, after in pairwise(sounds):
        assert after["at"] >= before["at"] + before["seconds"] - 0.05, "never two at once"


@pytest.mark.parametrize("how", ["escape", "button"])
def test_it_stops_at_once(context: BrowserContext, fake: FakeCloud, how: str) -> None:
    fake.voice.seconds_a_character = 1
    page = voiced(context, fake, ear=False)
    read = answered(page, fake, "".join(STORY))
    read.click()
    heard(page, 1)
    stop = page.locator(".voice").get_by_role("button", name="Stop reading")
    expect(stop).to_be_visible()
    if how == "escape":
        page.get_by_label("Message", exact=True).fill("Typed")
        page.keyboard.press("Escape")
        expect(page.get_by_label("Message", exact=True)).to_be_focused()  # Escape did that alone
    else:
        stop.click()
    over(page)
    page.wait_for_function("() => window.sounds.every((one) => one.over)")
    fetched = len(fake.voice.texts)
    page.wait_for_timeout(500)
    assert len(fake.voice.texts) == fetched and len(page.evaluate("window.sounds")) == 1


def test_one_that_was_stopped_is_not_begun_again_and_the_next_answer_is(
    context: BrowserContext, fake: FakeCloud
) -> None:
    fake.voice.seconds_a_character = 0.5
    page = voiced(context, fake, ear=False)
    switch_on(page, fake)
    answer = start_answer(page, fake)
    fake.delta(answer, 0, STORY[0] + STORY[1])
    heard(page, 1)
    page.keyboard.press("Escape")
    over(page)
    fake.delta(answer, len(STORY[0] + STORY[1]), STORY[2])
    fake.finish(answer, "".join(STORY))
    expect(answer_to(page)).to_contain_text("That is all.")
    page.wait_for_timeout(300)
    assert fake.voice.texts[0] == "A queue is a line." and len(page.evaluate("window.sounds")) == 1
    fake.voice.seconds_a_character = 0.01
    answer = start_answer(page, fake)
    fake.delta(answer, 0, "Another one is here. It is")
    heard(page, 2)
    fake.finish(answer, "Another one is here. It is short.")
    over(page)
    assert fake.voice.texts[-2:] == ["Another one is here.", "It is short."]


def test_what_is_read_is_what_somebody_would_say_of_it(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake, ear=False)
    text = (
        "# Light\n\nSee **the** [docs](https://example.com/a.b). Run:\n\n```sh\nrm -rf .\n```\n\n"
        "| Name | Age |\n|---|---|\n| Ana | 9 |\n\n- one\n- two"
    )
    answered(page, fake, text).click()
    over(page)
    assert " ".join(fake.voice.texts) == "Light. See the docs. Run: Name, Age. Ana, 9. one. two."


def test_a_portuguese_answer_is_read_by_its_own_voice_and_at_its_own_speed(
    context: BrowserContext, fake: FakeCloud
) -> None:
    page = voiced(context, fake, ear=False)
    page.get_by_role("link", name="Preferences", exact=True).click()
    section = page.get_by_role("region", name="Voice", exact=True)
    for label, choice in (("Voice in Portuguese", "A man's"), ("Speed in Portuguese", "1.5×")):
        with page.expect_response(lambda one: one.request.method == "PATCH"):
            section.get_by_label(label).select_option(label=choice)
    assert (fake.own.me["voice_pt"], fake.own.me["speed_pt"]) == ("onyx", 1.5)
    section.get_by_role("button", name="Hear it in Portuguese").click()
    heard(page, 1)
    expect(section.get_by_role("button", name="Stop reading")).to_have_count(0)
    page.get_by_role("link", name="Chats", exact=True).click()
    answered(page, fake, "Uma fila é onde as pessoas esperam, e quem chega primeiro é atendido primeiro.").click()
    over(page)
    answered(page, fake, "A queue is where people wait, and the first of them is the first to be served.").click()
    over(page)
    *sample, portuguese, english = fake.voice.read
    for one in (*sample, portuguese):
        assert (one["voice"], one["speed"], one["language"]) == ("onyx", 1.5, "pt-BR")
    assert (english["voice"], english["speed"], english["language"]) == ("nova", 1, "en-US")


def test_the_preference_is_kept_on_another_device(context: BrowserContext, fake: FakeCloud) -> None:
    page = voiced(context, fake, ear=False)
    switch_on(page, fake)
    page.reload()
    expect(auto(page)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Preferences", exact=True).click()
    box = page.get_by_label("Read answers aloud as they come")
    expect(box).to_be_checked()
    with page.expect_response(lambda one: one.request.method == "PATCH"):
        box.uncheck()
    page.get_by_role("link", name="Chats", exact=True).click()
    expect(auto(page)).to_have_attribute("aria-pressed", "false")
    fake.finish(start_answer(page, fake), "".join(STORY))
    expect(answer_to(page)).to_contain_text("That is all.")
    page.wait_for_timeout(300)
    assert fake.voice.texts == []


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ((402, "spend_cap_reached"), "The spend cap is used up"),
        ((404, "voice_off"), "Voice was switched off by whoever runs this."),
        ((503, "backend_unavailable"), "This deployment has no Bedrock"),
    ],
)
def test_what_ends_it_is_told_and_nothing_typed_is_lost(
    context: BrowserContext, fake: FakeCloud, trouble: tuple[int, str], said: str
) -> None:
    page = voiced(context, fake, ear=False)
    read = answered(page, fake, "".join(STORY))
    page.get_by_label("Message", exact=True).fill("Typed")
    fake.says, fake.code = "No.", trouble[1]
    fake.troubles = [("POST", "/audio/speech", trouble[0])]
    read.click()
    expect(page.get_by_role("alert")).to_contain_text(said)
    over(page)
    expect(page.get_by_label("Message", exact=True)).to_have_value("Typed")
    expect(auto(page)).to_have_count(0 if trouble[1] == "voice_off" else 1)


def test_without_a_loudspeaker_it_says_so(context: BrowserContext, fake: FakeCloud) -> None:
    """As where a machine has none: a sound begins and never ends."""
    page = voiced(context, fake, ear=False)
    page.evaluate(
        """() => {
          const start = AudioBufferSourceNode.prototype.start;
          AudioBufferSourceNode.prototype.start = function () { start.call(this, 1e9); };
        }"""
    )
    answered(page, fake, "".join(STORY)).click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is played: the browser has found no loudspeaker.")
    over(page)


def test_it_stops_when_somebody_goes_elsewhere_or_signs_out(context: BrowserContext, fake: FakeCloud) -> None:
    fake.voice.seconds_a_character = 1
    page = voiced(context, fake, ear=False)
    answered(page, fake, "".join(STORY)).click()
    heard(page, 1)
    page.get_by_role("button", name="New conversation").click()
    over(page)
    page.wait_for_function("() => window.sounds.every((one) => one.over)")
    answered(page, fake, "".join(STORY)).click()
    heard(page, 2)
    page.evaluate(
        "addEventListener('pagehide', () => { sessionStorage.loud = window.sounds.filter((one) => !one.over).length; })"
    )
    fetched = len(fake.voice.texts)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert len(fake.voice.texts) <= fetched + 1


def test_one_tab_reads_at_a_time(context: BrowserContext, fake: FakeCloud) -> None:
    fake.voice.seconds_a_character = 1
    here = voiced(context, fake, ear=False)
    answered(here, fake, "".join(STORY)).click()
    heard(here, 1)
    there = context.new_page()
    there.add_init_script(LISTEN)
    there.goto(fake.url + "/" + re.sub(r"^[^#]*", "", here.url))
    read = there.get_by_role("button", name="Read aloud", exact=True).last
    read.click()  # the tab signs in by itself, as the other one is
    heard(there, 1)
    over(here)
    here.wait_for_function("() => window.sounds.every((one) => one.over)")
    expect(there.locator(".voice").get_by_role("button", name="Stop reading")).to_be_visible()


def test_it_reads_on_a_phone_in_portuguese_and_axe_finds_nothing(loud: Browser, fake: FakeCloud) -> None:
    fake.own.has_voice = True
    fake.own.me["reads_aloud"] = True
    fake.voice.seconds_a_character = 0.5
    phone = {"width": 360, "height": 740}
    context = loud.new_context(locale="pt-BR", viewport=phone, has_touch=True, is_mobile=True, bypass_csp=True)
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("button", name="Ler as respostas em voz alta")).to_be_visible()
    answer = start_answer_in(page, fake)
    fake.delta(answer, 0, "Uma fila é onde se espera. Quem chega")
    heard(page, 1)
    page.add_script_tag(path=AXE)
    found: dict[str, list[str]] = {}
    look(page, "reading", found)
    stop = page.locator(".voice").get_by_role("button", name="Parar a leitura")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    stop.tap()
    expect(stop).to_have_count(0)
    page.wait_for_function("() => window.sounds.every((one) => one.over)")
    fake.finish(answer, "Uma fila é onde se espera. Quem chega primeiro sai primeiro.")
    page.get_by_role("button", name="Ler em voz alta", exact=True).tap()
    heard(page, 2)
    look(page, "its button", found)
    page.keyboard.press("Escape")
    open_list(page)
    assert found == {}
    context.close()
