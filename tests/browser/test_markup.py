"""Markup in every text that people write, as the page shows it: as the text that it is."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, ask, sign_in
from tests.browser.fake_cloud import FakeCloud, instant
from tests.pentest.payloads import PAYLOADS
from tests.pentest.size import some

# What nothing that people write may ever become.
LIVE = (
    "img, svg:not([aria-hidden]), iframe, object, embed, video, audio, base, meta[http-equiv=refresh], style, form form"
)


@pytest.mark.browser
def test_the_page_shows_every_text_as_text(page: Page, fake: FakeCloud) -> None:
    """As a conversation's title, a question, an answer while it is written and when it is whole, and a key's name."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    chosen = some(PAYLOADS)
    fake.have_conversations(*chosen)
    for payload in chosen:
        made = {"object": "api_key", "last_four": "abcd", "created_at": instant(), "last_used_at": None}
        key_id = fake.new_id("key")
        fake.api_keys[key_id] = {**made, "id": key_id, "name": payload, "expires_at": None, "can_create_keys": False}
    sign_in(page, fake)
    was = page.locator(LIVE).count()  # what the page itself has
    ask(page, "Show me markup")
    for number, payload in enumerate(chosen):
        if number:
            ask(page, payload)
        expect(answer_to(page)).to_contain_text("queued")
        answer = fake.answers()[-1]
        fake.finish(answer, f"{payload}\n\n- {payload}\n\n> {payload}\n\n| {payload} |")
        expect(answer_to(page)).to_have_attribute("aria-busy", "false")
        nothing_came_alive(page, was)
    page.goto(fake.url + "/#k")
    page.reload()
    expect(page.get_by_role("listitem").filter(has_text="ends in").first).to_be_visible()
    nothing_came_alive(page, was)
    assert dialogs == []


def nothing_came_alive(page: Page, was: int) -> None:
    assert page.evaluate("window.pwned") is None
    assert page.locator(LIVE).count() <= was
    links = page.locator("a[href]").evaluate_all("all => all.map(one => one.href)")
    assert all(link.startswith(("http:", "https:", "mailto:")) for link in links), links
    handlers = page.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/i.test(a.name)).length"
    )
    assert handlers == 0
