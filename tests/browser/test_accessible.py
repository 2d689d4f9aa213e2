"""axe-core finds nothing on any view, in either theme and language, on a wide page and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import open_shortcuts, start_answer_in, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud, instant
from tests.browser.test_batch_results import answered_batch
from tests.browser.test_documents import FOUND, TEXT, source
from tests.browser.test_imports import chatgpt, chosen
from tests.browser.test_session_graph import refused
from tests.browser.test_usage_page import with_use

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES: dict[str, object] = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# A theme changes colours and no box (test_stories.py), and no script asks which it is: what a rule that reads no colour
# says of one, it says of the other. These are all of axe's that read any.
COLOURS: dict[str, object] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
ANSWER = "# Title\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n```python\nx = 1  # long\n```\n[link](https://x.org)"
WORDS = {
    "en": {
        "in": "Sign in",
        "batches": "Batches",
        "docs": "Documents",
        "usage": "Usage",
        "keys": "Keys",
        "prefs": "Preferences",
    },
    "pt": {
        "in": "Entrar",
        "batches": "Lotes",
        "docs": "Documentos",
        "usage": "Uso",
        "keys": "Chaves",
        "prefs": "Preferências",
    },
}


def problems(page: Page, within: str, only: dict[str, object]) -> list[str]:
    run = "([where, only]) => axe.run(where, {runOnly: only, resultTypes: ['violations']})"
    found = page.evaluate(run, [within, only])["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def look(page: Page, view: str, found: dict[str, list[str]], within: str = "html") -> None:
    """What is wrong in either theme and stays so: while words are still on their way, a heading may be empty for a
    moment. Leaves the page in light."""
    for theme, only in (("dark", COLOURS), ("light", RULES)):
        page.emulate_media(color_scheme=theme)
        for _ in range(60):
            page.wait_for_timeout(50)  # one frame: what changes colour does so at once
            these = problems(page, within, only)
            if not these:
                break
        else:
            found[f"{view}, {theme}"] = these


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["en", "pt"])
def test_nobody_is_shut_out(browser: Browser, fake: FakeCloud, language: str, width: int) -> None:
    words, found = WORDS[language], dict[str, list[str]]()
    fake.have_conversations("Photosynthesis", "Syntax")
    fake.make_key({"name": "laptop", "expires_at": None, "can_create_keys": True})
    with_use(fake)
    locale = "pt-BR" if language == "pt" else "en-US"
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        bypass_csp=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(fake.url)
    page.add_script_tag(path=AXE)
    expect(page.get_by_role("button", name=words["in"])).to_be_visible()
    look(page, "signed out", found)
    page.get_by_role("button", name=words["in"]).click()
    expect(page.locator("#message")).to_be_visible()
    page.add_script_tag(path=AXE)
    look(page, "first visit", found)
    fake.own.keep({"name": "Proofreader", "text": "Correct."}, "kept")
    page.locator(".chat-head button[aria-haspopup=dialog]").click()
    expect(page.locator(".prompt-row")).to_have_count(1)
    look(page, "the settings of a conversation", found)
    page.keyboard.press("Escape")
    answer = start_answer_in(page, fake)
    look(page, "a question in work", found)
    choice = {"backend": "bedrock", "reason": "nothing_live", "text": "", "numbers": {"bedrock_usd": 0.1, "gpu_usd": 1}}
    fake.finish(answer, ANSWER, backend="bedrock", choice=choice, trimmed_messages=3)
    expect(page.locator(".why summary").last).to_be_visible()
    page.locator(".said .why summary").click()
    look(page, "an answer", found)
    error = {"code": "x", "message": "It broke."}
    fake.finish(start_answer_in(page, fake), "Half", status="failed", error=error)
    page.locator(".trace summary").last.click()
    look(page, "an error with its details", found)
    growing = start_answer_in(page, fake)
    fake.delta(growing, 0, "Much. " * 900)
    expect(page.locator("article").last).to_contain_text("Much.")
    page.locator("#messages").evaluate("(e) => (e.scrollTop = 0)")
    page.wait_for_timeout(100)
    fake.delta(growing, 6 * 900, "New.")
    expect(page.locator(".below button")).to_be_visible()
    look(page, "new text below", found)
    fake.finish(growing, "Much.")
    open_shortcuts(page)
    look(page, "the sheet of shortcuts", found)
    page.keyboard.press("Escape")
    fake.start_session()
    page.reload()
    page.add_script_tag(path=AXE)
    (session_id,) = fake.sessions
    wait_for_subscription(page, fake, f"session:{session_id}")
    launches = [{"launched_at": instant(-3), "gpu_usd_per_hour": 0.4}]
    spend = {"gpu_usd_per_hour": 0.4, "usd_per_hour": 0.42, "launches": launches, "notice": 80}
    fake.refused = refused(instant(-3))
    fake.set_session(session_id, status="booting", launched_at=instant(-3), spend=spend)
    expect(page.locator(".strip-on")).to_be_visible()
    if width < 1080:
        page.locator(".toggle-panel").click()
    page.locator(".events summary").click()
    look(page, "a GPU that boots", found)
    if width < 1080:
        page.locator(".toggle-panel").click()
    fake.set_session(session_id, status="serving")
    expect(page.locator(".strip-on")).to_be_visible()
    look(page, "a GPU that is on", found)
    for view in ("batches", "docs", "usage", "keys", "prefs"):
        if width < 720:
            page.locator(".toggle-side").click()
            look(page, "the drawer", found)
        page.locator(".areas").get_by_role("link", name=words[view], exact=True).click()
        expect(page.locator(".batch h2")).to_be_visible()
        page.wait_for_timeout(300)
        look(page, view, found)
    answered_batch(fake)
    page.goto(f"{fake.url}#b={list(fake.batches.batches)[-1]}")
    page.locator(".results > button").click()
    expect(page.locator(".results tbody tr")).to_have_count(3)
    look(page, "a batch's answers", found)
    context.close()
    said = "\n".join(f"{view}: {one}" for view, these in found.items() for one in these)
    assert not found, said


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", ["en", "pt"])
def test_what_is_found_exported_and_imported_too(browser: Browser, fake: FakeCloud, language: str, width: int) -> None:
    words, found = WORDS[language], dict[str, list[str]]()
    first, _ = fake.have_conversations("Photosynthesis", "Syntax")
    fake.accept(first, {"content": "What does a leaf do?"}, "key-1")
    fake.finish(fake.messages[first][-1], "A leaf makes sugar.")
    locale = "pt-BR" if language == "pt" else "en-US"
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name=words["in"]).click()
    expect(page.locator("#message")).to_be_visible()
    page.add_script_tag(path=AXE)
    if width < 720:
        page.locator(".toggle-side").click()
    page.get_by_role("searchbox").fill("leaf")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".hit")).to_have_count(1)
    look(page, "where it was said", found)
    page.locator(".hit").click()
    expect(page.get_by_text("makes sugar").last).to_be_visible()
    if width < 720 and page.locator(".toggle-side").get_attribute("aria-expanded") == "true":
        page.locator(".toggle-side").click()
    page.locator(".chat-head .export summary").click()
    expect(page.locator(".chat-head .export button").first).to_be_visible()
    look(page, "the export menu", found, ".chat-head")  # what it lies on is used when it is closed
    page.keyboard.press("Escape")
    page.evaluate("location.hash = '#p'")
    expect(page.locator("input[type=file]")).to_be_attached()
    chosen(page, chatgpt("a", "Sea", "Why salt?", "Rivers."), None)
    expect(page.locator(".import-state")).to_be_visible()
    look(page, "an import", found)
    context.close()
    assert found == {}


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", ["en", "pt"])
def test_documents_and_what_was_found_in_them_too(browser: Browser, fake: FakeCloud, language: str, width: int) -> None:
    words, found = WORDS[language], dict[str, list[str]]()
    document = fake.documents.have("notes.pdf", TEXT)
    fake.documents.have("report.docx", status="reading", pages=0)
    fake.documents.have("test.pdf", status="failed", error={"code": "document_empty", "message": "No text."})
    fake.documents.find(document, FOUND, page=3)
    locale = "pt-BR" if language == "pt" else "en-US"
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 900},
        bypass_csp=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name=words["in"]).click()
    expect(page.locator("#message")).to_be_visible()
    page.add_script_tag(path=AXE)
    found_places = {"found": [source(1, document["id"], TEXT.index(FOUND), 3), source(2, "doc_gone", 0)], "why": None}
    fake.finish(start_answer_in(page, fake), "Air [1] scatters [2].", sources=found_places)
    expect(page.locator(".sources a")).to_have_count(1)
    look(page, "an answer's sources", found)
    page.locator(".cite").first.click()
    expect(page.locator(".reader mark")).to_be_visible()
    look(page, "a document's text", found)
    page.keyboard.press("Escape")
    fake.finish(start_answer_in(page, fake), "Blue.", sources={"found": [], "why": "database_waking"})
    page.evaluate("location.hash = '#d'")
    expect(page.locator(".document")).to_have_count(3)
    page.locator("#docs-pick").set_input_files({"name": "a.exe", "mimeType": "x/y", "buffer": b"x"})
    expect(page.locator(".document-uploads .trouble")).to_be_visible()
    page.locator(".document-try input").fill("Why?")
    page.locator(".document-try input").press("Enter")
    expect(page.locator(".document-passage")).to_have_count(1)
    look(page, "documents", found)
    context.close()
    assert found == {}


@pytest.mark.parametrize("width", [360, 1280])
def test_without_a_line_too(browser: Browser, fake: FakeCloud, width: int) -> None:
    """What waits, what could not be fetched, and the question before a sign-out that would lose it."""
    found: dict[str, list[str]] = {}
    context = browser.new_context(locale="en-US", viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#message")).to_be_visible()
    page.add_script_tag(path=AXE)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")  # all parts of the page are here
    context.set_offline(True)
    page.locator("#message").fill("Asked on the bus")
    page.locator("#message").press("Enter")
    expect(page.get_by_text("waits for the line")).to_be_visible()
    look(page, "waiting", found)
    page.evaluate("location.hash = '#u'")
    expect(page.get_by_role("button", name="Fetch it again")).to_be_visible()
    look(page, "not fetched", found)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Stay")).to_be_visible()
    look(page, "signing out", found)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == {}
    context.close()
