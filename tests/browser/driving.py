"""What a person does on the page, for tests against the scripted cloud."""

import json
from collections.abc import Iterator

from playwright.sync_api import Locator, Page, expect

from tests.browser.fake_cloud import FakeCloud
from tests.browser.fake_tokens import signed_in
from tests.browser.slowness import PATIENCE_MS

ASKED_BY_ITSELF = ("/usage", "/me", "/models")  # after the lists, when nobody waits for it any more


LOOK_MS = 50
KEEP = "([name, user]) => { sessionStorage.setItem(name, user); }"


def looks(page: Page, within_ms: int = PATIENCE_MS) -> Iterator[None]:
    """For what only a test's own eyes see: looks at it again and again, while the page goes on."""
    for _ in range(within_ms // LOOK_MS):
        yield
        page.wait_for_timeout(LOOK_MS)


def kept_user(fake: FakeCloud) -> str:
    """The name under which the page keeps in its tab who is signed in."""
    return f"foreverus.user:{fake.url}/pool:client"


def sign_in(page: Page, fake: FakeCloud, *, clicks: bool = False) -> None:
    """Until the page has begun: also what it asks by itself is asked, and takes no trouble that is meant for later. The
    tab has what a sign-in leaves in it, so that the page is loaded once. `clicks`: on the button, as a person does."""
    before = len(fake.requests)
    if clicks:
        page.goto(fake.url)
        page.get_by_role("button", name="Sign in").click()
    else:
        page.goto(f"{fake.url}/news.svg")
        page.evaluate(KEEP, [kept_user(fake), json.dumps(signed_in())])
        page.goto(fake.url)
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    wait_until_asked(page, fake, before)


def wait_until_asked(page: Page, fake: FakeCloud, before: int = 0) -> None:
    """Until the page has asked what it asks by itself, since the cloud had got so many requests."""
    for _ in looks(page):
        paths = {path for method, path in fake.requests[before:] if method == "GET"}
        if all(f"/v1{one}" in paths for one in ASKED_BY_ITSELF):
            return
    raise AssertionError(f"the page never asked for one of {ASKED_BY_ITSELF}")


def open_shortcuts(page: Page) -> Locator:
    """What listens to keys comes after the page: a key before that is nobody's. In an open sheet it does nothing."""
    sheet = page.locator("dialog[aria-labelledby=sheet]")
    page.locator("#messages").focus()
    for _ in looks(page):
        page.keyboard.press("?")
        if sheet.is_visible():
            return sheet
    raise AssertionError("the sheet never opened")


def wait_for_shortcuts(page: Page) -> None:
    """Until a key of the keyboard does what the sheet says."""
    sheet = open_shortcuts(page)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def standing(page: Page, text: str) -> Locator:
    """A text where it stands: a moment later the region that screen readers listen to has it, too."""
    return page.get_by_text(text).and_(page.locator(":not([role=status] *)"))


def open_preferences(page: Page) -> None:
    page.get_by_role("link", name="Preferences", exact=True).click()
    expect(page.locator("input[type=file]")).to_be_visible()


def open_list(page: Page) -> None:
    """The list of what there is, where the page is too narrow to show it all the time."""
    toggle = page.locator(".toggle-side")
    if toggle.is_visible() and toggle.get_attribute("aria-expanded") == "false":
        toggle.click()


def ask(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def answer_to(page: Page) -> Locator:
    return page.get_by_role("log", name="Messages").get_by_role("article", name="Mistral").last


def wait_until_drawn(page: Page) -> None:
    """Until no message in sight stands there as it was written: those far from what is read do."""
    page.wait_for_function(
        """() => {
          const { top, bottom } = document.getElementById("messages").getBoundingClientRect();
          return [...document.querySelectorAll(".written")].every((one) => {
            const box = one.getBoundingClientRect();
            return box.bottom < top || box.top > bottom;
          });
        }"""
    )


def wait_for_subscription(page: Page, fake: FakeCloud, topic: str) -> None:
    """Until the newest line has asked for `topic`: what is pushed from then on must be shown."""
    for _ in looks(page):
        if any(topic in topics for topics in list(fake.subscriptions.values())):
            return
    raise AssertionError(f"nobody subscribed to {topic}")


def start_answer_in(page: Page, fake: FakeCloud) -> dict:
    """An answer that is begun, whatever language the page speaks."""
    page.locator("#message").fill("What is a queue?")
    page.locator("#message").press("Enter")
    expect(page.locator("article[aria-busy=true]")).to_be_visible()
    answer = fake.answers()[-1]
    wait_for_subscription(page, fake, f"conversation:{answer['conversation_id']}")
    return answer


def start_answer(page: Page, fake: FakeCloud) -> dict:
    ask(page, "What is a queue?")
    expect(answer_to(page)).to_contain_text("queued")
    answer = fake.answers()[-1]
    wait_for_subscription(page, fake, f"conversation:{answer['conversation_id']}")
    return answer


def boxes(*parts: Locator) -> list[dict[str, float]]:
    """Where these stand (x, y, width, height in px), all read at one moment: read one after the other, a page that
    still grows is between two of them."""
    first = parts[0].page
    for part in parts:
        expect(part).to_be_visible()
    found = first.evaluate(
        """(elements) => elements.map((one) => {
          const { x, y, width, height } = one.getBoundingClientRect();
          return { x, y, width, height };
        })""",
        [part.element_handle() for part in parts],
    )
    return list(found)
