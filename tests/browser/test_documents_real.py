"""Documents on the page, on the laptop's whole cloud: each kind is sent, read, asked, opened and deleted."""

import json
import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from local.cloud import Cloud
from local.person import Person
from tests.browser.driving import open_list
from tests.browser.test_documents import open_documents, row
from tests.browser.test_main_job import ask, sign_in
from tests.unit.documents import files

pytestmark = [pytest.mark.browser, pytest.mark.cloud]

READ_MS = 240_000  # of a machine with other work
KEY = "A chave do armazém de Tefé fica com dona Zuleide."
DOCUMENTS = {
    "armazém.md": f"# Armazém\n\n{KEY}\n\n# Barco\n\nO barco Rio Branco sai às terças.\n".encode(),
    "horta.txt": "A horta da escola tem couve, cebolinha e 14 pés de tomate.".encode(),
    "boletim.pdf": files.pdf("O boletim sai em maio.", "A diretora assina na segunda-feira."),
    "ata.docx": files.docx("Ata da reunião", "O conselho aprovou a compra de 30 carteiras.", style="Title"),
}


def on_bedrock(route: Route) -> None:
    """A small model may tell a story for minutes, and a GPU would have to boot."""
    if route.request.method == "POST":
        more = {"max_tokens": 24, "backend": "bedrock"}
        route.continue_(post_data=json.dumps({**route.request.post_data_json, **more}))
    else:
        route.continue_()


def send(section: Locator) -> None:
    given = [{"name": name, "mimeType": "", "buffer": data} for name, data in DOCUMENTS.items()]
    section.locator("input[type=file]").set_input_files(given)
    for name in DOCUMENTS:
        expect(row(section, name)).to_contain_text("ready", timeout=READ_MS)


def forget(person: Person) -> None:
    for one in person.call("GET", "/documents")["data"]:
        person.call("DELETE", f"/documents/{one['id']}")


def test_each_kind_is_sent_read_asked_opened_and_deleted(page: Page, cloud: Cloud) -> None:
    with Person(cloud.outputs) as person:
        forget(person)
        sign_in(page, cloud)
        section = open_documents(page)
        send(section)
        section.get_by_label("Question", exact=True).fill("Quem tem a chave do armazém?")
        section.get_by_role("button", name="Look", exact=True).click()
        passage = section.get_by_role("link", name=re.compile("^armazém.md"))
        expect(passage.first).to_be_visible()
        passage.first.click()
        reader = page.get_by_role("dialog")
        expect(reader.locator("mark")).to_contain_text("dona Zuleide")
        page.keyboard.press("Escape")

        page.route("**/v1/conversations/*/messages", on_bedrock)
        open_list(page)
        page.get_by_role("link", name="Chats", exact=True).click()
        ask(page, "Quem tem a chave do armazém de Tefé?")
        sources = page.get_by_role("group", name="Sources")
        expect(sources.get_by_role("link", name=re.compile("^armazém.md")).first).to_be_visible(timeout=READ_MS)
        sources.get_by_role("link", name=re.compile("^armazém.md")).first.click()
        expect(reader.locator("mark")).to_contain_text("dona Zuleide")
        page.keyboard.press("Escape")

        section = open_documents(page)
        for name in DOCUMENTS:
            section.get_by_role("button", name=f"Delete: {name}").click()
            expect(row(section, name)).to_have_count(0)
        until = time.monotonic() + READ_MS / 1000  # the last one goes when there is no way back any more
        while person.call("GET", "/documents")["data"] and time.monotonic() < until:
            time.sleep(0.2)
        assert person.call("GET", "/documents")["data"] == []
        assert person.call("POST", "/documents/search", {"question": "Quem tem a chave?"})["data"] == []
        page.go_back()
        expect(sources).to_contain_text("deleted document")
