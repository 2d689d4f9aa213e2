"""The forty texts of test_xss.py in what comes out of files and out of the API's errors: each of them in each place."""

import json
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import ask, open_preferences, sign_in, start_answer
from tests.browser.fake_batches import request_line
from tests.browser.fake_cloud import FakeCloud
from tests.browser.shown import shows
from tests.browser.test_batch_results import answer_line
from tests.browser.test_imports import chatgpt, chosen
from tests.browser.test_markup import LIVE, nothing_came_alive
from tests.pentest.payloads import PAYLOADS

pytestmark = pytest.mark.browser

NAMES = [f"{number:02} {payload.replace('/', '∕')}" for number, payload in enumerate(PAYLOADS)]  # of files: no slash


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_error_messages(watched: Page, fake: FakeCloud) -> None:
    """As a notice, beside a message that was refused, and in its details."""
    sign_in(watched, fake)
    was = watched.locator(LIVE).count()
    for payload in PAYLOADS:
        fake.says = payload
        fake.troubles.append(("POST", "/conversations", 400))
        ask(watched, payload)
        failed = watched.get_by_role("alert").filter(has_text="Not sent").last
        shows(failed, payload)
        failed.get_by_role("button", name="Back to editing").click()
        fake.troubles.append(("GET", "/keys", 400))
        watched.get_by_role("link", name="Keys").click()
        notice = watched.locator(".notices").get_by_role("alert").last
        shows(notice, payload)
        notice.get_by_text("Details", exact=True).click()
        expect(notice.get_by_text("request-", exact=False)).to_be_visible()
        nothing_came_alive(watched, was)
        notice.get_by_role("button", name="Close this notice").click()
        watched.locator(".areas a").first.click()
    nothing_came_alive(watched, was)


def test_files_of_a_batch(watched: Page, fake: FakeCloud) -> None:
    """As the file's name, in fields of its lines that nobody knows, and as a line that is none."""
    sign_in(watched, fake)
    watched.get_by_role("link", name="Batches").click()
    watched.get_by_role("button", name="+ New batch").click()
    expect(watched.get_by_role("heading", name="New batch")).to_be_visible()
    was = watched.locator(LIVE).count()
    for name, payload in zip(NAMES, PAYLOADS, strict=True):
        lines = [request_line(payload, **{payload: 1}), request_line("a", user=payload, model=payload), payload]
        upload = {"name": name, "mimeType": "text/plain", "buffer": "\n".join(lines).encode()}
        watched.locator("input[type=file]").first.set_input_files(upload)
        shows(watched.locator(".chosen strong").filter(has_text=name[:2]), name)
        expect(watched.locator(".verdict, .batch-table, table").first).to_be_visible()
        nothing_came_alive(watched, was)
        watched.locator(".chosen button").click()


def test_rows_of_a_table(watched: Page, fake: FakeCloud) -> None:
    """As the names of columns, and in the rows that are shown of a spreadsheet."""
    sign_in(watched, fake)
    watched.get_by_role("link", name="Batches").click()
    watched.get_by_role("button", name="+ New batch").click()
    expect(watched.get_by_role("heading", name="New batch")).to_be_visible()
    was = watched.locator(LIVE).count()
    quoted = ",".join('"' + payload.replace('"', '""') + '"' for payload in PAYLOADS)
    upload = {"name": "rows.csv", "mimeType": "text/csv", "buffer": f"{quoted}\n{quoted}\n".encode()}
    watched.locator("input[type=file]").first.set_input_files(upload)
    columns = watched.locator(".table-form .hint").first
    expect(watched.locator(".chosen strong")).to_have_text("rows.csv")
    for payload in PAYLOADS:
        shows(columns, payload)
    nothing_came_alive(watched, was)


def test_answers_of_a_batch(watched: Page, fake: FakeCloud) -> None:
    """As a line's own name, its question, its answer, and what the server says of a line that failed."""
    ids = [f"{number:02} {payload}" for number, payload in enumerate(PAYLOADS)]
    asked, output, errors = [], [], []
    for number, (name, payload) in enumerate(zip(ids, PAYLOADS, strict=True)):
        asked.append(request_line(name, messages=[{"role": "user", "content": payload}]))
        output.append(answer_line(name, payload))
        error = {"code": payload, "message": payload}
        failed = f"bad {number:02}"
        asked.append(request_line(failed))
        errors.append(json.dumps({"custom_id": failed, "response": None, "error": error}))
    files = {
        f"{kind}_file_id": fake.batches.add_output("\n".join(lines).encode())
        for kind, lines in (("input", asked), ("output", output), ("error", errors))
    }
    batch = fake.batches.add_batch(int(time.time()), "all.jsonl", status="completed")
    each = len(PAYLOADS)
    fake.batches.set_batch(batch, completed=each, failed=each, total=2 * each, **files)
    sign_in(watched, fake)
    watched.get_by_role("link", name="Batches").click()
    watched.get_by_role("link", name="all.jsonl").click()
    was = watched.locator(LIVE).count()
    watched.get_by_role("button", name="Show the answers").click()
    rows = watched.locator(".results tbody tr")
    watched.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(2 * each)
    for place, payload in zip(rows.all(), PAYLOADS, strict=False):
        shows(place, payload)
    texts = watched.locator(".results tbody").evaluate(
        "(e) => [...e.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert texts[each:] == [[name, payload, payload] for name, payload in zip(ids, PAYLOADS, strict=True)]
    nothing_came_alive(watched, was)


def test_imported_conversations(watched: Page, fake: FakeCloud) -> None:
    """As the title, question and answer of each of a whole export, read from a file and opened one after the other."""
    sign_in(watched, fake)
    open_preferences(watched)
    refused = [{"title": payload} for payload in PAYLOADS]
    conversations = [chatgpt(f"export{n}", payload, payload, payload) for n, payload in enumerate(PAYLOADS)]
    chosen(watched, *conversations, *refused[:20])
    area = watched.get_by_role("group", name="Import", exact=True)
    expect(area.get_by_role("listitem")).to_have_count(20)
    was = watched.locator(LIVE).count()
    for one, payload in zip(area.get_by_role("listitem").all(), PAYLOADS, strict=False):
        shows(one, payload)
    chosen(watched, *refused[20:], *conversations)
    for number, payload in enumerate(PAYLOADS[20:40]):
        shows(area.get_by_role("listitem").nth(number).filter(has_text=one_line(payload)), payload)
    area.get_by_role("button", name="Import").click()
    count = len(PAYLOADS)
    expect(area.locator(".import-state")).to_have_text(
        f"Done: {count} conversations checked, {count} with something new."
    )
    nothing_came_alive(watched, was)
    watched.get_by_role("link", name="Chats", exact=True).click()
    for id_, payload in zip(list(fake.conversations), PAYLOADS, strict=True):
        watched.goto(f"{fake.url}/#c={id_}")
        expect(watched.locator(".chat h2")).to_have_text(one_line(payload))
        said = watched.get_by_role("log", name="Messages").get_by_role("article")
        expect(said).to_have_count(2)
        shows(said.first, payload)
        shows(said.last, payload)
        expect(said.last).to_contain_text("imported from ChatGPT")
        nothing_came_alive(watched, was)


def test_documents(watched: Page, fake: FakeCloud) -> None:
    """As names of files that are chosen, of documents and of sources; as what was found, its heading and the text
    around it; as an error of the API's."""
    text = "\n".join(PAYLOADS)
    names = [f"{name}.md" for name in NAMES]
    made = [fake.documents.have(name, text) for name in names]
    for document, payload in zip(made, PAYLOADS, strict=True):
        fake.documents.find(document, payload, heading=payload)
    fake.documents.passages[0]["text"] = fake.documents.passages[0]["heading"] = "\n".join(PAYLOADS)
    sign_in(watched, fake)
    was = watched.locator(LIVE).count()
    answer = start_answer(watched, fake)
    places = [{"number": n, "document_id": one["id"], "page": 0, "start": 0, "end": 9} for n, one in enumerate(made, 1)]
    fake.finish(answer, f"[1] {PAYLOADS[0]} [2]", sources={"found": places, "why": None})
    sources = watched.get_by_role("group", name="Sources").get_by_role("listitem")
    expect(sources).to_have_count(len(made))
    for name, one in zip(names, sources.all(), strict=True):
        shows(one, name)
    nothing_came_alive(watched, was)
    sources.first.get_by_role("link").click()
    expect(watched.locator(".reader mark")).to_be_visible()
    watched.get_by_role("button", name="Show what comes after").click()
    expect(watched.get_by_role("button", name="Show what comes after")).to_have_count(0)
    for payload in PAYLOADS:
        shows(watched.locator(".reader-text p"), payload)
    nothing_came_alive(watched, was)
    watched.keyboard.press("Escape")
    watched.get_by_role("link", name="Documents", exact=True).click()
    rows = watched.locator(".document .key-name")
    expect(rows).to_have_count(len(made))
    for name, one in zip(reversed(names), rows.all(), strict=True):
        shows(one, name)
    watched.locator(".document-try input").fill(PAYLOADS[0])
    watched.locator(".document-try input").press("Enter")
    passages = watched.locator(".document-passage")
    expect(passages).to_have_count(len(made))
    for payload, one in zip(PAYLOADS, passages.all(), strict=True):
        shows(one, payload)
    nothing_came_alive(watched, was)
    for name, payload in zip(NAMES, PAYLOADS, strict=True):
        fake.says = payload
        fake.troubles.append(("POST", "/documents", 400))
        picked = [{"name": f"{name}.{end}", "mimeType": "x/y", "buffer": b"x"} for end in ("md", "exe")]
        watched.locator("#docs-pick").set_input_files(picked)
        refused = watched.locator(".document-uploads .trouble")
        expect(refused).to_have_count(2)
        shows(refused.first, payload)
        shows(refused.last, name)
        nothing_came_alive(watched, was)
        watched.get_by_role("button", name="Dismiss").first.click()
        watched.get_by_role("button", name="Dismiss").first.click()
    nothing_came_alive(watched, was)
