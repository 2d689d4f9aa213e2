"""The forty texts of test_xss.py in what comes out of files and out of the API's errors: each of them in each place."""

import json
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import ask, open_preferences, sign_in
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
