"""A person's documents on the page: sent, watched, tried, opened at a place, deleted; and what answers were given."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.driving import answer_to, open_list, sign_in, standing, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

TEXT = "Introduction. " * 200 + "Light is scattered by air. " + "The end. " * 1200
FOUND = "Light is scattered by air."


def open_documents(page: Page) -> Locator:
    open_list(page)
    page.get_by_role("link", name="Documents", exact=True).click()
    section = page.get_by_role("region", name="Documents", exact=True)
    expect(section.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
    return section


def row(section: Locator, name: str) -> Locator:
    return section.get_by_role("listitem").filter(has_text=name)


def chosen(section: Locator, *names: str, text: bytes = b"Light.") -> None:
    section.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": text} for name in names]
    )


def only(fake: FakeCloud) -> dict:
    (document,) = fake.documents.kept.values()
    return document


def listed(fake: FakeCloud) -> int:
    return fake.requests.count(("GET", "/v1/documents"))


def test_several_are_sent_read_and_ready_and_are_looked_at_while_they_are_read_alone(
    page: Page, fake: FakeCloud
) -> None:
    fake.batches.has_bedrock = True
    sign_in(page, fake)
    section = open_documents(page)
    expect(section.get_by_text("No documents yet.")).to_be_visible()
    chosen(section, "notes.md", "report.PDF")
    for name in ("notes.md", "report.PDF"):
        expect(row(section, name)).to_contain_text("being read")
    assert [one["status"] for one in fake.documents.kept.values()] == ["reading", "reading"]
    assert fake.batches.tokens_seen == []
    notes, report = fake.documents.kept.values()
    fake.documents.finish(notes, "Light.")
    fake.documents.fail(report, "document_protected")
    expect(row(section, "notes.md")).to_contain_text("ready")
    expect(row(section, "notes.md")).to_contain_text("reading it cost $0.0002")
    expect(row(section, "report.PDF")).to_contain_text("protected by a password. Save it without one")
    expect(section.get_by_text("2 of 100 documents, 12 B of 100 MB.").first).to_be_visible()
    budget = (
        "Each question takes along up to 1,500 tokens of what fits it. On Bedrock that is $0.00023 a question at most;"
    )
    expect(section.get_by_text(budget)).to_be_visible()
    before = listed(fake)
    page.wait_for_timeout(3_000)
    assert listed(fake) == before, "nothing is being read: nobody asks"


def test_what_is_no_document_or_has_no_room_says_which_and_what_would_help(page: Page, fake: FakeCloud) -> None:
    fake.documents.most_documents = 2
    sign_in(page, fake)
    section = open_documents(page)
    chosen(section, "program.exe", "good.txt")
    alert = section.get_by_role("alert").filter(has_text="program.exe")
    expect(alert).to_contain_text("is no PDF, Word (.docx), Markdown or text file. Save it as one of these")
    expect(row(section, "good.txt")).to_contain_text("being read")
    chosen(section, "empty.txt", text=b"")
    expect(section.get_by_text("“empty.txt” is empty.")).to_be_visible()
    chosen(section, "large.txt", text=b"x" * 10_000_001)
    expect(section.get_by_text("“large.txt” has 10 MB, and 10 MB are the most.")).to_be_visible()
    fake.documents.have("second.md")
    page.reload()
    expect(row(section, "second.md")).to_be_visible()
    chosen(section, "third.md")
    expect(section.get_by_text("“third.md” was not sent: you have 2 documents, which is the most.")).to_be_visible()
    section.get_by_role("button", name=re.compile("^Dismiss")).click()
    expect(section.get_by_role("alert")).to_have_count(0)
    assert [one["filename"] for one in fake.documents.kept.values()] == ["good.txt", "second.md"]


def test_a_line_that_breaks_in_mid_upload_is_tried_again_and_then_asks(page: Page, fake: FakeCloud) -> None:
    fake.batches.put_troubles = [0, 200]
    sign_in(page, fake)
    section = open_documents(page)
    chosen(section, "once.md")
    expect(row(section, "once.md")).to_contain_text("being read")
    assert len(fake.documents.kept) == 1
    fake.batches.put_troubles = [403]
    chosen(section, "never.md")
    failed = section.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(failed).to_contain_text("The connection broke off while it was being sent.")
    fake.batches.put_troubles = []
    failed.get_by_role("button", name="Send again: never.md").click()
    expect(row(section, "never.md")).to_contain_text("being read")
    expect(section.get_by_role("list", name="Uploads")).to_have_count(0)
    assert len(fake.documents.kept) == 2, "each try was of the same document"


def test_an_upload_shows_how_far_it_is_and_can_be_stopped(page: Page, fake: FakeCloud) -> None:
    fake.batches.put_seconds = 8
    sign_in(page, fake)
    section = open_documents(page)
    chosen(section, "long.txt", text=b"x" * 9_000_000)
    expect(section.get_by_role("progressbar", name="Sending long.txt")).to_be_visible()
    section.get_by_role("button", name="Stop sending: long.txt").click()
    expect(section.get_by_role("list", name="Uploads")).to_have_count(0)
    expect(section.get_by_text("No documents yet.")).to_be_visible()
    assert fake.documents.kept == {}


def test_files_are_dropped(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    section = open_documents(page)
    expect(section.locator(".drop")).to_be_visible()
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['Light.'], 'dropped.md')); return data; }"
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    expect(row(section, "dropped.md")).to_contain_text("being read")


def test_one_is_deleted_with_a_way_back(page: Page, fake: FakeCloud) -> None:
    fake.documents.have("notes.pdf", TEXT)
    sign_in(page, fake)
    section = open_documents(page)
    section.get_by_role("button", name="Delete: notes.pdf").click()
    expect(row(section, "notes.pdf")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(section, "notes.pdf")).to_be_visible()
    section.get_by_role("button", name="Delete: notes.pdf").click()
    page.wait_for_event("requestfinished", lambda one: one.method == "DELETE")
    assert fake.documents.kept == {}


def test_a_question_is_tried_and_a_passage_opened_at_its_place(page: Page, fake: FakeCloud) -> None:
    document = fake.documents.have("notes.pdf", TEXT)
    fake.documents.find(document, FOUND, page=3)
    sign_in(page, fake)
    section = open_documents(page)
    box = section.get_by_label("Question", exact=True)
    box.fill("Why is the sky blue?")
    box.press("Enter")
    expect(standing(page, "1 passage:")).to_be_visible()
    link = section.get_by_role("link", name="notes.pdf, page 3")
    link.press("Enter")
    reader = page.get_by_role("dialog", name="notes.pdf, page 3")
    expect(reader.locator("mark")).to_have_text(FOUND)
    expect(reader.locator("mark")).to_be_in_viewport()
    text = reader.get_by_role("region")
    expect(text).to_be_focused()
    reader.get_by_role("button", name="Show what comes before").click()
    expect(reader.get_by_role("button", name="Show what comes before")).to_have_count(0)
    reader.get_by_role("button", name="Show what comes after").click()
    expect(text.locator("p")).to_contain_text(TEXT[:8_000])
    reader.get_by_role("button", name="Show what comes after").click()
    expect(text.locator("p")).to_have_text(TEXT.strip())
    page.keyboard.press("Escape")
    expect(reader).to_have_count(0)
    expect(link).to_be_focused()
    assert fake.documents.questions == ["Why is the sky blue?"]
    fake.documents.passages, fake.documents.why = [], "database_waking"
    box.press("Enter")
    expect(standing(page, "The database is waking. Ask again in half a minute.")).to_be_visible()
    fake.documents.why = None
    box.press("Enter")
    expect(standing(page, "Nothing in your documents fits this question.")).to_be_visible()


def test_where_documents_are_off_it_says_so_and_what_is_left_can_go(page: Page, fake: FakeCloud) -> None:
    fake.documents.enabled = False
    fake.documents.have("notes.pdf", TEXT)
    sign_in(page, fake)
    expect(page.get_by_role("link", name="Usage", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Documents", exact=True)).to_have_count(0)
    page.evaluate("location.hash = '#d'")
    section = page.get_by_role("region", name="Documents", exact=True)
    expect(section.get_by_text("Documents=managed and Database=aurora")).to_be_visible()
    expect(section.get_by_text("What is still here can be deleted.")).to_be_visible()
    expect(section.locator("input[type=file]")).to_have_count(0)
    section.get_by_role("button", name="Delete: notes.pdf").click()
    expect(row(section, "notes.pdf")).to_have_count(0)


def sourced(page: Page, fake: FakeCloud, text: str, sources: dict) -> Locator:
    answer = start_answer(page, fake)
    fake.finish(answer, text, sources=sources)
    expect(answer_to(page)).to_have_attribute("aria-busy", "false")
    return answer_to(page)


def source(number: int, document_id: str, start: int, page: int = 0) -> dict:
    return {"number": number, "document_id": document_id, "page": page, "start": start, "end": start + len(FOUND)}


def test_an_answer_names_its_sources_and_leads_to_each(page: Page, fake: FakeCloud) -> None:
    document = fake.documents.have("notes.pdf", TEXT)
    sign_in(page, fake)
    assert listed(fake) == 0, "nobody has asked for a source yet"
    at = TEXT.index(FOUND)
    gone = source(2, "doc_gone", 0)
    said = "Air scatters it [1], and [2]. **Bold [1]**, `x[1]`, [9], [a link](https://example.org)."
    answer = sourced(page, fake, said, {"found": [source(1, document["id"], at, page=3), gone], "why": None})
    sources = answer.get_by_role("group", name="Sources")
    link = sources.get_by_role("link", name="notes.pdf, page 3")
    expect(link).to_be_visible()
    expect(sources.get_by_role("listitem").nth(1)).to_have_text("[2] deleted document")
    assert listed(fake) == 1
    marks = answer.get_by_role("link", name="Source [1]")
    expect(marks).to_have_count(2)
    expect(answer.get_by_role("link", name="[9]")).to_have_count(0)
    expect(answer.locator("a.cite", has_text="[9]")).to_have_count(0)
    expect(answer.locator(".spoken-as")).to_have_text(
        re.compile(r"Air scatters it \[1\], and \[2\]\. Bold \[1\], x\[1\]")
    )
    marks.first.press("Enter")
    reader = page.get_by_role("dialog", name="notes.pdf, page 3")
    expect(reader.locator("mark")).to_have_text(FOUND)
    page.keyboard.press("Escape")
    expect(marks.first).to_be_focused()
    link.click()
    reader.get_by_role("button", name="Close").click()
    expect(reader).to_have_count(0)
    expect(link).to_be_focused()
    marks.nth(1).click()
    expect(reader).to_be_visible()
    page.keyboard.press("Escape")
    answer.get_by_role("link", name="Source [2]").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("This document is gone.")


def test_a_source_says_its_nearest_heading_as_it_is_written(page: Page, fake: FakeCloud) -> None:
    document = fake.documents.have("notes.pdf", TEXT)
    hostile = "\u202egnp. <b>2</b> **[1]** " + "long " * 19 + "long"
    fake.documents.head(document, {"1. Aims": "Introduction.", hostile: FOUND})
    plain = fake.documents.have("plain.txt", TEXT)
    sign_in(page, fake)
    at, asked = TEXT.index(FOUND), ("GET", f"/v1/documents/{document['id']}")
    found = [source(1, document["id"], at, page=3), source(2, document["id"], at - 1), source(3, plain["id"], 0)]
    answer = sourced(page, fake, "Air scatters it [1].", {"found": found, "why": None})
    lines = answer.get_by_role("group", name="Sources").get_by_role("listitem")
    expect(lines.nth(0)).to_have_text(f"[1] notes.pdf, \u2068{hostile}\u2069, page 3")
    expect(lines.nth(1)).to_have_text(re.compile(r"^\[2\] notes\.pdf, 1\. Aims, (19|20|[1-9]\d?)% into the text$"))
    expect(lines.nth(2)).to_have_text("[3] plain.txt, at the beginning")
    expect(lines.locator("b, strong")).to_have_count(0)
    assert fake.requests.count(asked) == 1 and ("GET", f"/v1/documents/{plain['id']}") not in fake.requests
    lines.nth(1).get_by_role("link").click()
    expect(page.get_by_role("dialog", name=re.compile(r"^notes\.pdf, 1\. Aims, "))).to_be_visible()


def test_what_is_copied_is_what_was_written(page: Page, fake: FakeCloud) -> None:
    document = fake.documents.have("notes.pdf", TEXT)
    sign_in(page, fake)
    answer = sourced(page, fake, "Air scatters it [1].", {"found": [source(1, document["id"], 0)], "why": None})
    expect(answer.get_by_role("link", name="Source [1]")).to_be_visible()
    copied = answer.locator(".spoken-as").evaluate(
        "(e) => { getSelection().selectAllChildren(e); return getSelection().toString().trim(); }"
    )
    assert copied == "Air scatters it [1]."


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("nothing_found", "Nothing in your documents fits this question."),
        ("database_waking", "Ask again in half a minute for an answer with them."),
        ("database_unavailable", "their database did not answer"),
        ("embedding_unavailable", "they could not be searched just now"),
    ],
)
def test_an_answer_without_sources_says_why(page: Page, fake: FakeCloud, why: str, said: str) -> None:
    sign_in(page, fake)
    answer = sourced(page, fake, "It is blue.", {"found": [], "why": why})
    expect(answer.get_by_text(said)).to_be_visible()
    assert listed(fake) == 0


def test_an_address_of_a_place_opens_it(page: Page, fake: FakeCloud) -> None:
    document = fake.documents.have("notes.pdf", TEXT)
    sign_in(page, fake)
    page.goto(f"{fake.url}/#d={document['id']}/{TEXT.index(FOUND)}/{TEXT.index(FOUND) + len(FOUND)}/3")
    reader = page.get_by_role("dialog", name="notes.pdf, page 3")
    expect(reader.locator("mark")).to_have_text(FOUND)
    page.keyboard.press("Escape")
    expect(reader).to_have_count(0)
    expect(page).to_have_url(re.compile("#d$"))
    expect(page.get_by_role("region", name="Documents", exact=True)).to_be_visible()


def test_a_conversation_can_do_without(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    start_answer(page, fake)
    page.get_by_role("button", name=re.compile("^Settings")).click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Use my documents").click()
    sheet.get_by_role("button", name="Save settings").click()
    expect(sheet).to_have_count(0)
    (talk,) = fake.conversations.values()
    assert talk["documents"] is False


def test_it_speaks_portuguese_and_fits_a_phone(fake: FakeCloud, browser: Browser) -> None:
    document = fake.documents.have(
        "Relatório de estágio, versão final revisada em novembro de 2026.docx", TEXT, pages=0
    )
    fake.documents.have("prova.pdf", status="failed", error={"code": "document_empty", "message": "There is no text."})
    fake.documents.find(document, FOUND)
    context = browser.new_context(locale="pt-BR", viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    expect(page.locator("#message")).to_be_visible()
    open_list(page)
    page.get_by_role("link", name="Documentos", exact=True).click()
    section = page.get_by_role("region", name="Documentos", exact=True)
    expect(row(section, "prova.pdf")).to_contain_text("Não há texto no documento.")
    section.get_by_role("textbox", name="Pergunta").fill("Por que o céu é azul?")
    section.get_by_role("button", name="Procurar").click()
    expect(standing(page, "1 trecho:")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    section.get_by_role("link", name=re.compile("a (19|20)% do texto")).click()
    reader = page.get_by_role("dialog")
    expect(reader.locator("mark")).to_have_text(FOUND)
    box = reader.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 320
    reader.get_by_role("button", name="Fechar").click()
    context.close()
