"""Conversations are found: pinned at the top, by words of what was said, and taken along as a file."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.driving import boxes, sign_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_long_lists import LIST, conversations, lists, talk, thousand

pytestmark = pytest.mark.browser


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def test_a_pinned_one_is_at_the_top_however_old_it_is_and_one_page_is_read(page: Page, fake: FakeCloud) -> None:
    old = thousand(fake)[2]
    fake.conversations[old]["pinned"] = True
    sign_in(page, fake)
    expect(group(page, "Pinned").get_by_role("link")).to_have_text(["Question 3"])
    expect(conversations(page).get_by_role("link").first).to_have_text("Question 3")
    assert len(lists(fake)) == 1
    conversations(page).get_by_role("link", name="Question 999").click()
    page.get_by_role("button", name="Pin to the top").click()
    expect(group(page, "Pinned").get_by_role("link")).to_have_text(["Question 999", "Question 3"])
    page.get_by_role("button", name="Unpin").click()
    expect(group(page, "Pinned").get_by_role("link")).to_have_text(["Question 3"])
    page.reload()
    expect(group(page, "Pinned").get_by_role("link")).to_have_text(["Question 3"])


DAYS = {
    "en-US": ("Pinned", "Today", "Yesterday", "Last seven days", "Older"),
    "pt-BR": ("Fixadas", "Hoje", "Ontem", "Últimos sete dias", "Mais antigas"),
}


@pytest.mark.parametrize("language", DAYS)
def test_conversations_are_listed_by_the_days_of_whoever_looks(
    browser: Browser, fake: FakeCloud, language: str
) -> None:
    """By when they were last written in, by the calendar of São Paulo: what was yesterday there is today in London."""
    here = datetime.now(ZoneInfo("America/Sao_Paulo"))
    ids = fake.have_conversations("Kept", "Soon", "Fresh", "Of yesterday", "Of Monday", "Long ago")
    at = {
        ids[0]: here - timedelta(days=90),
        ids[1]: here + timedelta(days=1),  # of a clock that is wrong
        ids[2]: here,
        ids[3]: here.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(minutes=1),
        ids[4]: here - timedelta(days=5),
        ids[5]: here - timedelta(days=40),
    }
    for one, when in at.items():
        fake.conversations[one]["created_at"] = (here - timedelta(days=100)).isoformat()
        fake.conversations[one]["updated_at"] = when.isoformat()
    fake.conversations[ids[0]]["pinned"] = True
    context = browser.new_context(locale=language, timezone_id="America/Sao_Paulo")
    page = context.new_page()
    page.goto(fake.url)
    page.locator("button.primary").click()
    listed = page.locator(".conversations")
    expect(listed.get_by_role("link")).to_have_count(6)
    names = DAYS[language]
    expect(listed.get_by_role("heading")).to_have_text(list(names))
    its = [sorted(group(page, name).get_by_role("link").all_inner_texts()) for name in names]
    assert its == [["Kept"], ["Fresh", "Soon"], ["Of yesterday"], ["Of Monday"], ["Long ago"]]
    context.close()


def test_words_of_a_message_open_the_conversation_there(page: Page, fake: FakeCloud) -> None:
    long, _ = fake.have_conversations("Long", "Other")
    talk(fake, long, 110)
    fake.messages[long][3].update(content="Here is a capybara, far up")
    sign_in(page, fake)
    search = conversations(page).get_by_role("searchbox")
    search.fill("capybara")
    search.press("Enter")
    hit = group(page, "In messages").get_by_role("link")
    expect(hit).to_contain_text("Long")
    expect(hit.locator("mark")).to_have_text("capybara")
    hit.click()
    expect(page.get_by_role("log", name="Messages").get_by_text("Here is a capybara")).to_be_in_viewport()
    assert page.evaluate("document.activeElement.textContent").startswith("Here is a capybara")


def test_a_hit_is_text_without_the_signs_of_markdown(page: Page, fake: FakeCloud) -> None:
    (one,) = fake.have_conversations("Animals")
    talk(fake, one, 1)
    fake.messages[one][1].update(
        content="## Rodents\n\nThe **capybara** is the *largest* [of all](https://example.org)."
    )
    sign_in(page, fake)
    conversations(page).get_by_role("searchbox").fill("capybara")
    hit = group(page, "In messages").get_by_role("link")
    expect(hit.locator(".hit-text")).to_contain_text("Rodents The capybara is the largest of all.")
    expect(hit.locator("mark")).to_have_text("capybara")


def test_where_texts_cannot_be_searched_the_page_says_why_and_goes_on_by_itself(page: Page, fake: FakeCloud) -> None:
    (one,) = fake.have_conversations("Animals")
    talk(fake, one, 1)
    fake.messages[one][1].update(content="The capybara swims")
    fake.why_titles_alone = "database_waking"
    sign_in(page, fake)
    conversations(page).get_by_role("searchbox").fill("capybara")
    state = group(page, "In messages").locator("p.hint").first
    expect(state).to_contain_text("waking up")
    fake.why_titles_alone = None
    expect(group(page, "In messages").get_by_role("link")).to_contain_text("The capybara swims")
    fake.why_titles_alone = "no_database"
    page.get_by_role("button", name="PT, Português").click()
    busca = page.get_by_role("navigation", name="Conversas").get_by_role("searchbox")
    busca.fill("peixe")
    expect(group(page, "Nas mensagens")).to_contain_text("não tem banco de dados")


def test_markup_in_what_is_found_is_shown_and_does_not_run(page: Page, fake: FakeCloud) -> None:
    payload = "<img src=x onerror=alert(1)> needle"
    (one,) = fake.have_conversations(payload)
    talk(fake, one, 1)
    fake.messages[one][1].update(content=payload)
    sign_in(page, fake)
    conversations(page).get_by_role("searchbox").fill("needle")
    expect(group(page, "In messages").get_by_role("link")).to_contain_text(payload)
    assert page.locator(".conversations img").count() == 0


@pytest.mark.parametrize("shape", ["Markdown, to read", "JSON, to import or for programs"])
def test_a_conversation_is_exported_whole(page: Page, fake: FakeCloud, shape: str) -> None:
    (one,) = fake.have_conversations("Long / talk")
    talk(fake, one, 60)
    sign_in(page, fake)
    conversations(page).get_by_role("link", name="Long / talk").click()
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=shape).click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    if shape.startswith("JSON"):
        assert waiting.value.suggested_filename == "Long talk.json"
        written = json.loads(text)
        (found,) = written["conversations"]
        assert (written["format"], written["version"]) == ("foreverus.conversations", 1)
        assert [m["content"] for m in found["messages"]] == [m["content"] for m in fake.messages[one]]
    else:
        assert waiting.value.suggested_filename == "Long talk.md"
        assert re.findall(r"^Question (\d+)$", text, re.MULTILINE) == [str(n) for n in range(1, 61)]
    assert (LIST, {}) not in fake.queries


@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_title_and_what_can_be_done_stand_in_one_row_however_wide_the_page_is(
    page: Page, fake: FakeCloud, language: str
) -> None:
    (one,) = fake.have_conversations("A title that is as long as those of models often are")
    sign_in(page, fake)
    if language == "pt":
        page.get_by_role("button", name="PT, Português").click()
    expect(page.get_by_role("button", name="PT, Português")).to_be_visible()
    page.locator(f"a[href='#c={one}']").click()
    last = page.get_by_role("button", name={"en": "Delete conversation", "pt": "Apagar conversa"}[language])
    title = page.get_by_role("heading", name="A title that is as long as those of models often are")
    summary = page.locator("summary.sign-export")
    for width in (1280, 1200, 1100, 1081, 900, 721, 720, 360):
        page.set_viewport_size({"width": width, "height": 800})
        row = boxes(title, summary, last)
        middles = [box["y"] + box["height"] / 2 for box in row]
        assert max(middles) - min(middles) < 8, (width, row)
        assert row[0]["width"] >= 60, width
