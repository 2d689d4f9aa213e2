"""ChatGPT's conversations become one's own: looked at first, imported once, and marked."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, sign_in, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_long_lists import conversations

pytestmark = pytest.mark.browser

PAYLOAD = "<img src=x onerror=alert(1)>"


def chatgpt(name: str, title: str, *texts: str) -> dict[str, Any]:
    """Questions and answers by turns, as ChatGPT exports them."""
    mapping: dict[str, Any] = {}
    for n, text in enumerate(texts):
        message = {"author": {"role": ("user", "assistant")[n % 2]}, "create_time": 1_700_000_000 + n}
        message["content"] = {"content_type": "text", "parts": [text]}
        mapping[str(n)] = {"message": message, "parent": str(n - 1) if n else None, "children": [str(n + 1)]}
    last = str(len(texts) - 1)
    return {"id": name, "title": title, "create_time": 1_700_000_000, "mapping": mapping, "current_node": last}


def chosen(page: Page, *found: object) -> None:
    text = json.dumps(list(found)).encode()
    page.locator("input[type=file]").set_input_files(
        {"name": "conversations.json", "mimeType": "application/json", "buffer": text}
    )


def test_a_file_of_chatgpt_is_looked_at_imported_once_and_read(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("link", name="Preferences", exact=True).click()
    file = (chatgpt("a", f"Sea {PAYLOAD}", "Why salt?", f"Rivers. {PAYLOAD}"), chatgpt("b", "Hills", "Hi", "Ho"), None)
    chosen(page, *file)
    area = page.get_by_role("group", name="Import", exact=True)
    expect(area.locator(".import-state")).to_have_text("2 conversations can be imported, with 2 questions.")
    expect(area.get_by_role("listitem")).to_have_text(["Untitled: not a conversation that this page knows"])
    assert ("POST", "/v1/imports") not in fake.requests
    fake.troubles.append(("POST", "/imports", 503))
    area.get_by_role("button", name="Import").click()
    expect(area.locator(".import-state")).to_contain_text("stopped at 0 of 2")
    area.get_by_role("button", name="Go on where it stopped").click()
    expect(area.locator(".import-state")).to_have_text("Done: 2 conversations checked, 2 with something new.")
    page.get_by_role("button", name="PT, Português").click()
    chosen(page, *file)
    area = page.get_by_role("group", name="Importação")
    area.get_by_role("button", name="Importar").click()
    expect(area.locator(".import-state")).to_have_text("Pronto: 2 conversas conferidas, 0 com algo novo.")
    page.get_by_role("button", name="EN, English").click()
    page.get_by_role("link", name="Chats", exact=True).click()
    conversations(page).get_by_role("link", name="Sea").click()
    expect(answer_to(page)).to_contain_text(f"Rivers. {PAYLOAD}")
    expect(answer_to(page)).to_contain_text("imported from ChatGPT")
    assert page.locator("main img").count() == 0


def test_who_has_no_more_room_is_told_what_came_and_goes_on_later(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("link", name="Preferences", exact=True).click()
    chosen(page, chatgpt("a", "Sea", "Why salt?", "Rivers."))
    area = page.get_by_role("group", name="Import", exact=True)
    fake.code = "imports_full"
    fake.troubles.append(("POST", "/imports", 429))
    area.get_by_role("button", name="Import").click()
    expect(area.locator(".import-state")).to_contain_text(
        "all of the 200 MB that one person may have. Imported: 0 of 1"
    )
    area.get_by_role("button", name="Go on where it stopped").click()
    expect(area.locator(".import-state")).to_have_text("Done: 1 conversations checked, 1 with something new.")


def test_a_file_that_is_none_is_refused_in_words(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("link", name="Preferences", exact=True).click()
    box = page.locator("input[type=file]")
    box.set_input_files({"name": "chat.zip", "mimeType": "application/zip", "buffer": b"PK\x03\x04"})
    expect(page.get_by_role("alert")).to_contain_text("take conversations.json")
    box.set_input_files({"name": "a.json", "mimeType": "application/json", "buffer": b"{}"})
    expect(page.get_by_role("alert")).to_contain_text("no export of ChatGPT")


def test_what_is_imported_in_one_tab_appears_in_the_other(page: Page, fake: FakeCloud) -> None:
    other = page.context.new_page()
    sign_in(other, fake)
    wait_for_subscription(other, fake, "list:conversations")
    sign_in(page, fake)
    page.get_by_role("link", name="Preferences", exact=True).click()
    chosen(page, chatgpt("a", "Sea", "Why salt?", "Rivers."))
    page.get_by_role("group", name="Import", exact=True).get_by_role("button", name="Import").click()
    conversations(other).get_by_role("link", name="Sea").click()
    expect(answer_to(other)).to_contain_text("Rivers.")
