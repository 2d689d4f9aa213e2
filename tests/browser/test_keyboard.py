"""Everything by keyboard: the sheet of shortcuts, what they do, and where the keyboard is when something goes away."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import answer_to, open_shortcuts, sign_in, start_answer, wait_for_shortcuts
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_long_lists import conversations

pytestmark = pytest.mark.browser

SHEET = {"en": "Keyboard shortcuts", "pt": "Atalhos do teclado"}


@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_question_mark_opens_the_sheet_and_gives_the_keyboard_back(
    browser: Browser, fake: FakeCloud, language: str
) -> None:
    page = browser.new_context(locale="pt-BR" if language == "pt" else "en-US").new_page()
    page.goto(fake.url)
    page.locator("button.primary").click()
    expect(page.locator("#message")).to_be_visible()
    sheet = page.get_by_role("dialog", name=SHEET[language])
    page.locator("#message").press("?")
    expect(page.locator("#message")).to_have_value("?")  # who types, types
    expect(sheet).to_have_count(0)
    expect(open_shortcuts(page)).to_have_accessible_name(SHEET[language])
    keys = [" + ".join(row.locator("kbd").all_inner_texts()) for row in sheet.locator("dl > div").all()]
    assert keys == ["Alt + N", "Alt + K", "Alt + C", "Alt + P", "Alt + ↑", "Alt + ↓", "Alt + G", "?", "Esc"]
    page.keyboard.press("Alt+n")
    expect(sheet).to_be_visible()  # nothing happens behind it
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(page.locator("#messages")).to_be_focused()
    button = page.get_by_role("button", name=SHEET[language])
    button.press("Enter")
    expect(sheet).to_be_visible()
    sheet.locator("button").press("Enter")
    expect(sheet).to_have_count(0)
    expect(button).to_be_focused()
    page.context.close()


def test_the_shortcuts_do_what_the_sheet_says(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Oldest", "Middle", "Newest")
    sign_in(page, fake)
    wait_for_shortcuts(page)
    messages, box = page.locator("#messages"), page.get_by_label("Message", exact=True)
    heading = page.locator(".chat h2")
    messages.focus()
    for key, title in (
        ("Down", "Newest"),
        ("Down", "Middle"),
        ("Down", "Oldest"),
        ("Down", "Oldest"),
        ("Up", "Middle"),
    ):
        page.keyboard.press(f"Alt+Arrow{key}")
        expect(heading).to_have_text(title)
    page.locator("#messages").focus()
    page.keyboard.press("Alt+n")
    expect(heading).to_have_text("New conversation")
    expect(box).to_be_focused()
    page.keyboard.press("Alt+k")  # while typing nothing happens
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(messages).to_be_focused()
    page.keyboard.press("Alt+k")
    expect(conversations(page).get_by_role("searchbox")).to_be_focused()
    messages.focus()
    page.keyboard.press("Alt+c")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+g")
    expect(page.locator("#panel")).to_be_focused()

    answer = start_answer(page, fake)
    fake.delta(answer, 0, "Half of")
    answer["content"] = "Half of"  # what the server has kept
    messages.focus()
    page.keyboard.press("Alt+p")
    expect(answer_to(page)).to_have_attribute("aria-busy", "false")
    expect(answer_to(page)).to_contain_text("Half of")
    expect(messages).to_be_focused()


def test_from_another_part_of_the_page_they_lead_back_to_the_conversations(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Only")
    sign_in(page, fake)
    wait_for_shortcuts(page)
    page.get_by_role("link", name="Batches").click()
    page.locator("#batch").focus()
    page.keyboard.press("Alt+k")
    expect(conversations(page).get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name="Keys").click()
    page.locator("#keys").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".chat h2")).to_have_text("Only")


@pytest.mark.parametrize("held", ["ctrlKey", "metaKey", "shiftKey"])
def test_keys_of_browsers_stay_theirs(page: Page, fake: FakeCloud, held: str) -> None:
    sign_in(page, fake)
    wait_for_shortcuts(page)
    page.locator("#messages").focus()
    page.evaluate("addEventListener('keydown', (e) => (window.taken = e.defaultPrevented))")
    for key in ("n", "k", "c", "p", "g"):
        pressed = {"key": key, "code": f"Key{key.upper()}", "altKey": True, "bubbles": True, "cancelable": True}
        page.locator("#messages").dispatch_event("keydown", {**pressed, held: True})
        assert page.evaluate("window.taken") is False
    page.locator("#messages").dispatch_event("keydown", pressed)
    assert page.evaluate("window.taken") is True


def test_an_input_methods_keys_are_its_own(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    wait_for_shortcuts(page)
    messages = page.locator("#messages")
    messages.focus()
    for state in ({"isComposing": True}, {"keyCode": 229}):
        messages.dispatch_event("keydown", {"key": "?", "bubbles": True, **state})
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_keyboard_stays_where_people_are(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Syntax")
    fake.make_key({"name": "laptop", "expires_at": None, "can_create_keys": False})
    sign_in(page, fake)
    conversations(page).get_by_role("link", name="Syntax").press("Enter")
    rename = page.get_by_role("button", name="Rename")
    for end in ("Escape", "Enter"):
        rename.press("Enter")
        page.get_by_role("textbox", name="Title of the conversation").press(end)
        expect(rename).to_be_focused()

    fake.finish(start_answer(page, fake), "A line.")
    edit = page.get_by_role("button", name="Edit", exact=True)
    edit.press("Enter")
    page.get_by_label("The question anew").press("Escape")
    expect(edit).to_be_focused()

    page.get_by_role("button", name="Delete conversation").press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()

    page.get_by_role("link", name="Keys").press("Enter")
    revoke = page.get_by_role("button", name="Revoke the key “laptop”")
    revoke.press("Enter")
    page.locator(".sure button").last.press("Enter")
    expect(revoke).to_be_focused()
    page.get_by_role("link", name="Preferences", exact=True).press("Enter")
    delete = page.locator("#delete-everything")
    delete.press("Enter")
    page.locator(".my-data .sure button").last.press("Enter")
    expect(delete).to_be_focused()


def test_after_the_drawer_of_a_phone_the_keyboard_is_at_what_was_chosen(browser: Browser, fake: FakeCloud) -> None:
    fake.have_conversations("Syntax")
    context = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".toggle-side").press("Enter")
    expect(page.locator("#side")).to_be_focused()  # the drawer takes the keyboard; a key before that is another's
    conversations(page).get_by_role("link", name="Syntax").press("Enter")
    expect(page.locator("#messages")).to_be_focused()
    page.locator(".toggle-side").press("Enter")
    expect(page.locator("#side")).to_be_focused()
    page.locator(".areas").get_by_role("link", name="Keys").press("Enter")
    expect(page.locator("#keys")).to_be_focused()
    context.close()


def test_who_cancels_a_batch_or_lets_it_run_stays_beside_it(page: Page, fake: FakeCloud) -> None:
    fake.batches.add_batch(int(time.time()), "long.jsonl", status="in_progress", foreverus={"backend": "gpu"})
    sign_in(page, fake)
    page.get_by_role("link", name="Batches").click()
    page.get_by_role("link", name=re.compile("long.jsonl")).click()
    cancel = page.get_by_role("button", name="Cancel the batch")
    cancel.press("Enter")
    page.get_by_role("button", name="Let it run").press("Enter")
    expect(cancel).to_be_focused()
    cancel.press("Enter")
    page.get_by_role("button", name="Yes, cancel it").press("Enter")
    expect(page.get_by_text("It finishes the lines in progress and stops.")).to_be_visible()
    expect(cancel).to_have_count(0)
    expect(page.get_by_role("heading", name="long.jsonl")).to_be_focused()
