"""What a person does on the page, for tests against the scripted cloud."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.fake_cloud import FakeCloud


def sign_in(page: Page, fake: FakeCloud) -> None:
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No GPU is on")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


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


def wait_for_subscription(page: Page, fake: FakeCloud, topic: str) -> None:
    """Until the newest line has asked for `topic`: what is pushed from then on must be shown."""
    for _ in range(100):
        if any(topic in topics for topics in list(fake.subscriptions.values())):
            return
        page.wait_for_timeout(50)
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
