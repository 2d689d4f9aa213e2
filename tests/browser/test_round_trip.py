"""All of one's conversations leave one cloud as a file, come into another with it, and go on there."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, open_preferences, sign_in, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_long_lists import conversations

pytestmark = pytest.mark.browser

SAID = {
    "Sea": (("Why salt?", "Rivers → **sea** ± 3 %.\n\n```py\nx = '€'\n```\n"), ("And lakes?", "They drain.")),
    "Hills": (("Olá, é você?", "Sim 🚀"),),
}


def talk(fake: FakeCloud) -> None:
    for id_, (title, exchanges) in zip(fake.have_conversations(*SAID), SAID.items(), strict=True):
        for question, answer in exchanges:
            fake.accept(id_, {"content": question}, f"{title} {question}")
            fake.finish(fake.messages[id_][-1], answer)


def texts(fake: FakeCloud) -> dict[str, list[str]]:
    return {one["title"]: [said["content"] for said in fake.messages[id_]] for id_, one in fake.conversations.items()}


def test_what_was_exported_is_imported_elsewhere_and_goes_on(page: Page, fake: FakeCloud, site: Path) -> None:
    talk(fake)
    sign_in(page, fake)
    open_preferences(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export all conversations: JSON, to import or for programs").click()
    file = Path(download.value.path()).read_bytes()
    assert len(json.loads(file)["conversations"]) == len(SAID)
    with FakeCloud(site) as other:
        sign_in(page, other)
        open_preferences(page)
        upload = {"name": download.value.suggested_filename, "mimeType": "application/json", "buffer": file}
        page.locator("input[type=file]").set_input_files(upload)
        area = page.get_by_role("group", name="Import", exact=True)
        area.get_by_role("button", name="Import").click()
        expect(area.locator(".import-state")).to_have_text("Done: 2 conversations checked, 2 with something new.")
        assert texts(other) == texts(fake)
        page.get_by_role("link", name="Chats", exact=True).click()
        conversations(page).get_by_role("link", name="Sea").click()
        expect(answer_to(page)).to_contain_text("They drain.")
        page.get_by_label("Message", exact=True).fill("And rain?")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(answer_to(page)).to_contain_text("queued")
        sea = next(id_ for id_, one in other.conversations.items() if one["title"] == "Sea")
        answer = other.messages[sea][-1]
        wait_for_subscription(page, other, f"conversation:{sea}")
        other.finish(answer, "It has none.")
        expect(answer_to(page)).to_contain_text("It has none.")
        assert texts(other)["Sea"] == [*texts(fake)["Sea"], "And rain?", "It has none."]
