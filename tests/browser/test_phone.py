"""The page where there is little room: what is written stands at the bottom, nothing that matters is hidden."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import boxes, sign_in, start_answer_in, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud, instant

pytestmark = pytest.mark.browser

NARROW = [(360, 640), (390, 844), (768, 1024), (1000, 700)]
LOW = [(721, 600), (768, 700), (900, 600), (1000, 600), (1080, 700), (1280, 600), (1280, 620)]
LEAST_PX, LEAST_SHARE = 230, 0.4  # of the window's height, for the messages, where that is less


def serving(page: Page, fake: FakeCloud, **spend: object) -> None:
    fake.start_session()
    page.reload()
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launched = instant(minutes=-3)
    price = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.42}
    launches = [{"launched_at": launched, "gpu_usd_per_hour": 0.4}]
    fake.set_session(session_id, status="serving", launched_at=launched, spend={**price, "launches": launches, **spend})


@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
@pytest.mark.parametrize("is_on", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("size", NARROW + LOW, ids=lambda size: f"{size[0]}x{size[1]}")
def test_there_is_room_to_write_and_to_read(
    browser: Browser, fake: FakeCloud, size: tuple[int, int], is_on: bool, language: str
) -> None:
    context = browser.new_context(locale=language, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.goto(fake.url)
    page.locator("button.primary").click()
    box = page.locator("#message")
    expect(box).to_be_visible()
    if is_on:
        serving(page, fake, notice=80)
        # A notice is never hidden.
        expect(page.locator(".strip [role=alert]")).to_contain_text("80 %")
        expect(page.locator(".strip [role=alert]")).to_be_in_viewport(ratio=1)
        expect(page.locator(".strip button.stop")).to_be_in_viewport(ratio=1)
    expect(box).to_be_in_viewport(ratio=1)
    expect(page.locator(".composer button[type=submit]")).to_be_in_viewport(ratio=1)
    (room,) = boxes(page.locator("#messages"))
    assert room["height"] >= min(LEAST_PX, LEAST_SHARE * size[1])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    fake.finish(start_answer_in(page, fake), "A line that is kept in order. " * 60)
    expect(page.locator("#messages .answer")).to_contain_text("kept in order")
    expect(box).to_be_in_viewport(ratio=1)
    context.close()


def test_what_a_low_window_hides_of_the_gpu_opens(browser: Browser, fake: FakeCloud) -> None:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 600})
    page = context.new_page()
    sign_in_somewhere(page, fake)
    on_demand = page.locator(".strip .check")
    expect(on_demand).to_be_hidden()
    page.get_by_role("button", name="Details of the GPU").click()
    expect(on_demand).to_be_visible()
    page.keyboard.press("Escape")
    expect(on_demand).to_be_hidden()
    context.close()


def sign_in_somewhere(page: Page, fake: FakeCloud) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()


def test_conversations_are_drawn_in_and_the_gpu_opens_by_keyboard_too(browser: Browser, fake: FakeCloud) -> None:
    fake.have_conversations("Photosynthesis", "Syntax")
    context = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in_somewhere(page, fake)
    drawer = page.get_by_role("button", name="Conversations, batches and keys")
    expect(page.get_by_role("link", name="Photosynthesis")).to_be_hidden()
    drawer.click()
    page.get_by_role("link", name="Photosynthesis").click()
    expect(page.get_by_role("heading", name="Photosynthesis")).to_be_visible()
    expect(page.get_by_role("link", name="Syntax")).to_be_hidden()
    drawer.press("Enter")
    expect(page.get_by_role("link", name="Syntax")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Syntax")).to_be_hidden()
    expect(drawer).to_be_focused()
    page.get_by_role("button", name="Details of the GPU").click()
    expect(page.get_by_role("complementary", name="GPU session")).to_be_visible()
    expect(page.get_by_text("Nothing is being charged by the hour.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="GPU session")).to_be_hidden()
    context.close()


def test_the_composer_grows_with_what_is_written_and_no_further_than_it_may(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    box = page.get_by_label("Message", exact=True)
    one_line = boxes(box)[0]["height"]
    box.fill("one\ntwo\nthree")
    assert boxes(box)[0]["height"] > one_line
    box.fill("line\n" * 200)
    assert boxes(box)[0]["height"] <= 221


def test_an_on_screen_keyboard_leaves_the_composer_in_sight(browser: Browser, fake: FakeCloud) -> None:
    context = browser.new_context(locale="en-US", viewport={"width": 360, "height": 640}, has_touch=True)
    page = context.new_page()
    sign_in_somewhere(page, fake)
    box, send = page.get_by_label("Message", exact=True), page.get_by_role("button", name="Send", exact=True)
    content = page.locator("meta[name=viewport]").get_attribute("content") or ""
    assert "interactive-widget=resizes-content" in content
    page.set_viewport_size({"width": 360, "height": 340})  # as a browser does that makes the page smaller
    for part in (box, send):
        expect(part).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 360, "height": 640})
    page.evaluate("""() => {  // as Safari does, whose keyboard lies over the page
        Object.defineProperty(visualViewport, 'height', {value: 340, configurable: true});
        visualViewport.dispatchEvent(new Event('resize'));
    }""")
    page.wait_for_function("() => document.querySelector('.composer').getBoundingClientRect().bottom <= 340")
    assert all(found["y"] + found["height"] <= 340 for found in boxes(box, send))
    page.evaluate("() => { delete visualViewport.height; visualViewport.dispatchEvent(new Event('resize')); }")
    page.wait_for_function("() => document.querySelector('.composer').getBoundingClientRect().top > 340")
    context.close()


@pytest.mark.parametrize("size", [(360, 740), (740, 360)], ids=["upright", "on its side"])
def test_nothing_stands_under_a_notch_or_a_home_bar(browser: Browser, fake: FakeCloud, size: tuple[int, int]) -> None:
    context = browser.new_context(locale="en-US", viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    edges = {
        "top": 44,
        "topMax": 44,
        "bottom": 34,
        "bottomMax": 34,
        "left": 40,
        "leftMax": 40,
        "right": 40,
        "rightMax": 40,
    }
    context.new_cdp_session(page).send("Emulation.setSafeAreaInsetsOverride", {"insets": edges})
    sign_in_somewhere(page, fake)
    parts = boxes(
        page.get_by_role("button", name="Sign out"),
        page.get_by_role("button", name="EN, English"),
        page.get_by_label("Message", exact=True),
        page.get_by_role("button", name="Send", exact=True),
    )
    for found in parts:
        assert found["x"] >= 40 and found["x"] + found["width"] <= size[0] - 40
        assert found["y"] >= 44 and found["y"] + found["height"] <= size[1] - 34
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.parametrize("width", [320, 360, 800])
@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
def test_voice_and_images_take_one_row_of_the_composer(
    browser: Browser, fake: FakeCloud, language: str, width: int
) -> None:
    fake.own.sees_images = fake.own.has_voice = True
    size = {"width": width, "height": 740}
    context = browser.new_context(locale=language, viewport=size, has_touch=True, is_mobile=width < 720)
    page = context.new_page()
    page.goto(fake.url)
    page.locator("button.primary").click()
    signs = [page.locator(".sound").nth(0), page.locator(".sound").nth(1)]
    signs += [page.locator(".picture-pick > span").nth(n) for n in range(2)]
    middles = [one["y"] + one["height"] / 2 for one in boxes(*signs)]
    assert max(middles) - min(middles) <= 2, middles
    for one in boxes(*signs, page.locator(".composer button.primary")):
        assert one["x"] >= 0 and one["x"] + one["width"] <= width
        assert min(one["width"], one["height"]) >= 24
    for name in ("Add an image", "Take a photo") if language == "en-US" else ("Anexar imagem", "Tirar foto"):
        expect(page.get_by_label(name, exact=True)).to_be_attached()
    context.close()


# Of the links to the page's areas, how many stand beside one another in each row.
ROWS = """() => {
  const tops = [...document.querySelectorAll(".areas a")].map((one) => Math.round(one.getBoundingClientRect().top));
  return [...new Set(tops)].map((top) => tops.filter((one) => one === top).length);
}"""


@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
def test_no_area_stands_alone_in_a_row(browser: Browser, fake: FakeCloud, language: str) -> None:
    context = browser.new_context(locale=language, viewport={"width": 1440, "height": 800})
    page = context.new_page()
    page.goto(fake.url)
    page.locator("button.primary").click()
    expect(page.locator("#message")).to_be_visible()
    for width in (1440, 1081, 1080, 900, 721, 720, 390, 360, 320):
        page.set_viewport_size({"width": width, "height": 800})
        if width <= 720 and page.locator(".toggle-side").get_attribute("aria-expanded") == "false":
            page.locator(".toggle-side").click()
        expect(page.locator(".areas a")).to_have_count(6)
        expect(page.locator(".areas a").last).to_be_in_viewport()
        rows = page.evaluate(ROWS)
        assert sum(rows) == 6 and min(rows) > 1, f"{width} px: {rows}"
        cut = page.locator(".areas a").evaluate_all(
            "(all) => all.filter((one) => one.scrollWidth > one.clientWidth"
            " || one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 0.5).length"
        )
        assert cut == 0, f"{width} px"  # half a pixel is rounding
    context.close()
