"""A conversation's settings, and the library of prompts: set in a dialogue, kept, sent, never lost."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import ask, looks, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def open_settings(page: Page) -> Locator:
    page.get_by_role("button", name=re.compile(r"^(Settings|Ajustes)")).click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    return sheet


def save(sheet: Locator) -> None:
    sheet.get_by_role("button", name="Save settings").click()
    expect(sheet).to_have_count(0)


def conversation(fake: FakeCloud) -> dict:
    (only,) = fake.conversations.values()
    return only


def test_a_new_conversation_is_made_with_what_was_set_before_it_was_there(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    sheet = open_settings(page)
    expect(sheet.get_by_role("heading", name="Settings of the new conversation")).to_be_visible()
    sheet.get_by_label("System prompt").fill("Answer in verse.")
    sheet.get_by_label("Temperature").fill("0,7")
    sheet.get_by_label("Longest answer").fill("200")
    sheet.get_by_label("Answered by").select_option(label="Amazon Bedrock")
    save(sheet)
    assert ("POST", "/v1/conversations") not in fake.requests, "nobody has written anything yet"
    expect(page.get_by_role("button", name="Settings (of its own)")).to_be_focused()
    expect(page.get_by_label("Answered by")).to_have_value("bedrock")
    page.reload()
    sheet = open_settings(page)
    expect(sheet.get_by_label("System prompt")).to_have_value("Answer in verse.")
    expect(sheet.get_by_label("Temperature")).to_have_value("0.7")
    sheet.press("Escape")
    ask(page, "What is the sea?")
    expect(page.get_by_role("heading", name="What is the sea?")).to_be_visible()
    made = conversation(fake)
    kept = {name: made[name] for name in ("system", "temperature", "max_tokens", "backend")}
    assert kept == {"system": "Answer in verse.", "temperature": 0.7, "max_tokens": 200, "backend": "bedrock"}
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_label("Answered by")).to_have_value("auto")
    assert open_settings(page).get_by_label("System prompt").input_value() == "", "the next one has none"


def test_an_open_conversation_is_set_and_only_what_is_new_is_sent(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    start_answer(page, fake)
    sheet = open_settings(page)
    sheet.get_by_label("Temperature").fill("1.5")
    with page.expect_request(lambda one: one.method == "PATCH") as sent:
        save(sheet)
    assert json.loads(sent.value.post_data or "") == {"temperature": 1.5}
    expect(page.get_by_role("button", name="Settings (of its own)")).to_be_visible()
    sheet = open_settings(page)
    sheet.get_by_label("Temperature").fill("")
    save(sheet)
    assert conversation(fake)["temperature"] is None
    expect(page.get_by_role("button", name="Settings", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("label", "value", "says"),
    [
        ("Temperature", "2.1", "The temperature must be a number from 0 to 2, or empty."),
        ("Temperature", "hot", "The temperature must be a number from 0 to 2, or empty."),
        ("Longest answer", "0", "The longest answer must be a whole number from 1 to 32,768, or empty."),
        ("Longest answer", "1.5", "The longest answer must be a whole number from 1 to 32,768, or empty."),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_lost(
    page: Page, fake: FakeCloud, label: str, value: str, says: str
) -> None:
    sign_in(page, fake)
    start_answer(page, fake)
    sheet = open_settings(page)
    sheet.get_by_label("System prompt").fill("Brief.")
    sheet.get_by_label(label).fill(value)
    sheet.get_by_role("button", name="Save settings").click()
    expect(sheet.get_by_role("alert")).to_have_text(says)
    expect(sheet.get_by_label("System prompt")).to_have_value("Brief.")
    sheet.get_by_label(label).fill("")
    save(sheet)
    assert conversation(fake)["system"] == "Brief."


def test_what_the_server_refuses_stays_in_the_dialogue_with_its_reason(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    start_answer(page, fake)
    sheet = open_settings(page)
    sheet.get_by_label("System prompt").fill("Brief.")
    fake.troubles.append(("PATCH", "", 400))
    sheet.get_by_role("button", name="Save settings").click()
    expect(sheet.get_by_role("alert")).to_contain_text("Nothing was kept")
    expect(sheet.get_by_label("System prompt")).to_have_value("Brief.")
    save(sheet)


def test_a_prompt_is_kept_taken_renamed_written_over_and_deleted_with_a_way_back(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    sheet = open_settings(page)
    sheet.get_by_label("Take a prompt").select_option(label="Proofreader")
    expect(sheet.get_by_label("System prompt")).to_have_value(re.compile("^Correct the spelling"))
    sheet.get_by_label("System prompt").fill("Correct my Portuguese.")
    sheet.get_by_label("Name of the prompt").fill("Revisora")
    sheet.get_by_label("Name of the prompt").press("Enter")
    expect(sheet.get_by_role("status")).to_contain_text("“Revisora” is kept.")
    (kept,) = fake.own.prompts.values()
    assert (kept["name"], kept["text"]) == ("Revisora", "Correct my Portuguese.")

    sheet.get_by_label("System prompt").fill("")
    sheet.get_by_label("Take a prompt").select_option(label="Revisora")
    expect(sheet.get_by_label("System prompt")).to_have_value("Correct my Portuguese.")
    sheet.get_by_label("System prompt").fill("Correct my Portuguese, kindly.")
    sheet.get_by_role("button", name="Write it over “Revisora”").click()
    expect(sheet.get_by_role("status")).to_contain_text("“Revisora” is changed.")
    assert kept["text"] == "Correct my Portuguese, kindly."

    sheet.get_by_role("button", name="Rename “Revisora”").click()
    sheet.get_by_label("New name of “Revisora”").fill("Revisora gentil")
    sheet.get_by_label("New name of “Revisora”").press("Enter")
    expect(sheet.get_by_role("button", name="Delete “Revisora gentil”")).to_be_visible()
    assert kept["name"] == "Revisora gentil"

    sheet.get_by_role("button", name="Delete “Revisora gentil”").click()
    undo = sheet.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.click()
    expect(sheet.get_by_role("button", name="Delete “Revisora gentil”")).to_be_visible()
    sheet.get_by_role("button", name="Delete “Revisora gentil”").click()
    expect(sheet.get_by_text("“Revisora gentil” is deleted.").first).to_be_visible()
    assert fake.own.prompts, "not yet"
    sheet.press("Escape")  # who leaves does not take it back
    expect(sheet).to_have_count(0)
    for _ in looks(page):
        if not fake.own.prompts:
            break
    assert fake.own.prompts == {}


def test_starters_are_in_the_visitors_language_and_nothing_of_them_is_stored(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("button", name="PT, Português").click()
    sheet = open_settings(page)
    sheet.get_by_label("Usar um prompt").select_option(label="Resumos")
    expect(sheet.get_by_label("Prompt de sistema")).to_have_value(re.compile("^Resuma cada texto"))
    assert fake.own.prompts == {}
    sheet.get_by_role("button", name="Cancelar").click()
    expect(page.get_by_role("button", name="Ajustes", exact=True)).to_be_visible()


def test_a_question_whose_conversation_was_refused_keeps_its_settings(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    sheet = open_settings(page)
    sheet.get_by_label("System prompt").fill("Brief.")
    save(sheet)
    fake.troubles.append(("POST", "/conversations", 400))
    ask(page, "What is the sea?")
    page.get_by_role("button", name="Back to editing").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("What is the sea?")
    expect(page.get_by_role("button", name="Settings (of its own)")).to_be_visible()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", name="What is the sea?")).to_be_visible()
    assert conversation(fake)["system"] == "Brief."
