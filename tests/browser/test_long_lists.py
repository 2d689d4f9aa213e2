"""A thousand conversations and conversations of a thousand messages: what the page asks for, and when."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import answer_to, ask, looks, sign_in, wait_for_subscription, wait_until_drawn
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

LIST = "/v1/conversations"


def conversations(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Conversations")


def lists(fake: FakeCloud) -> list[dict]:
    """Parts of the list, without what is searched in messages."""
    return [query for path, query in fake.queries if path == LIST and "q" not in query]


def thousand(fake: FakeCloud) -> list[str]:
    return fake.have_conversations(*(f"Question {n}" for n in range(1, 1001)))


def talk(fake: FakeCloud, conversation_id: str, exchanges: int) -> None:
    for n in range(1, exchanges + 1):
        fake.accept(conversation_id, {"content": f"Question {n}"}, f"key-{conversation_id}-{n}")
        fake.messages[conversation_id][-1].update(content=f"Answer {n}\n\nin two lines", status="answered")


def test_thousand_conversations_are_one_request_before_the_page_is_live(page: Page, fake: FakeCloud) -> None:
    thousand(fake)
    sign_in(page, fake)
    assert len(lists(fake)) == 1
    assert [path for method, path in fake.requests if method == "GET"].count(LIST) == 1
    links = conversations(page).get_by_role("link")
    expect(links).to_have_count(50)
    expect(links.first).to_have_text("Question 1000")
    expect(links.last).to_have_text("Question 951")


def test_scrolling_brings_older_ones_to_the_very_first(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations(*(f"Question {n}" for n in range(1, 121)))
    sign_in(page, fake)
    links = conversations(page).get_by_role("link")
    expect(links).to_have_count(50)
    for _ in looks(page):  # a page may be long enough for the end to be out of sight, or not
        conversations(page).evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
        if links.count() == 120:
            break
    expect(links.last).to_have_text("Question 1")
    expect(conversations(page).get_by_role("button", name="Show older ones")).to_have_count(0)
    assert [query.get("after") for query in lists(fake)] == [None, "con_000071", "con_000021"]


def searches(fake: FakeCloud) -> list[dict]:
    return [query for path, query in fake.queries if path == LIST and "q" in query]


def test_search_finds_an_old_title_with_one_request_and_says_how_far_it_is(page: Page, fake: FakeCloud) -> None:
    thousand(fake)
    sign_in(page, fake)
    search = conversations(page).get_by_role("searchbox", name="Search conversations")
    state = conversations(page).get_by_role("search")
    with fake.held(LIST):
        search.fill("QUÉSTION 17")
        expect(state).to_contain_text("0 found, searching older ones…")
        search.press("Enter")
    links = conversations(page).get_by_role("link")
    expect(state).to_contain_text("20 found in all conversations.")
    expect(links.last).to_have_text("Question 17")
    search.fill("no such words")
    search.press("Enter")
    expect(conversations(page).get_by_text("No conversation has these words in its title.")).to_be_visible()
    assert [query["q"] for query in searches(fake)] == ["QUÉSTION 17", "no such words"]
    assert len(lists(fake)) == 1


def test_search_that_finds_many_reads_so_many_and_goes_on_by_a_button(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations(*(f"{'Question' if n % 2 else 'Other'} {n}" for n in range(1, 201)))
    sign_in(page, fake)
    page.get_by_role("button", name="PT, Português").click()
    conversas = page.get_by_role("navigation", name="Conversas")
    conversas.get_by_role("searchbox", name="Buscar nas conversas").fill("question")
    conversas.get_by_role("searchbox").press("Enter")
    state = conversas.get_by_role("search")
    expect(state).to_contain_text("Encontradas até agora: 50.")
    expect(conversas.get_by_role("link")).to_have_count(50)
    conversas.get_by_role("button", name="Mostrar mais").click()
    expect(state).to_contain_text("Encontradas em todas as conversas: 100.")
    expect(conversas.get_by_role("link").last).to_have_text("Question 1")
    assert len(searches(fake)) == 2
    assert len(lists(fake)) == 1


def test_search_without_the_line_filters_what_is_there_says_so_and_goes_on_by_itself(
    page: Page, fake: FakeCloud
) -> None:
    thousand(fake)
    sign_in(page, fake)
    conversations(page).get_by_role("searchbox").fill("question 99")  # the search's own code has come
    state = conversations(page).get_by_role("search")
    expect(state).to_contain_text("19 found in all conversations.")
    page.context.set_offline(True)
    conversations(page).get_by_role("searchbox").fill("question 400")
    expect(state).to_contain_text("0 found; older ones could not be searched.")
    page.context.set_offline(False)
    expect(conversations(page).get_by_role("link")).to_have_text(["Question 400"])
    expect(state).to_contain_text("1 found in all conversations.")


def test_address_of_an_old_conversation_opens_it_without_the_list(page: Page, fake: FakeCloud) -> None:
    old = thousand(fake)[2]
    talk(fake, old, 1)
    sign_in(page, fake)
    page.goto(f"{fake.url}/#c={old}")
    expect(answer_to(page)).to_contain_text("Answer 1")
    fake.requests.clear()
    fake.queries.clear()
    page.reload()
    expect(page.get_by_role("heading", name="Question 3", exact=True)).to_be_visible()
    expect(answer_to(page)).to_contain_text("Answer 1")
    expect(conversations(page).locator("[aria-current=page]")).to_have_text("Question 3")
    assert fake.requests.count(("GET", f"{LIST}/{old}")) == 1
    assert lists(fake) == [{"limit": "50"}]


def test_address_of_a_conversation_that_is_gone_says_so_once(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.goto(f"{fake.url}/#c=con_999999")
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_role("heading", name="New conversation")).to_be_visible()


def test_long_conversation_opens_at_its_end_with_one_request(page: Page, fake: FakeCloud) -> None:
    (long,) = fake.have_conversations("Long")
    talk(fake, long, 110)
    sign_in(page, fake)
    conversations(page).get_by_role("link", name="Long").click()
    log = page.get_by_role("log", name="Messages")
    expect(answer_to(page)).to_contain_text("Answer 110")
    expect(answer_to(page)).to_be_in_viewport()
    wait_for_subscription(page, fake, f"conversation:{long}")
    page.wait_for_timeout(200)  # whoever subscribes asks once more: that too is one page, not the whole
    asked = [query for path, query in fake.queries if path == f"{LIST}/{long}/messages"]
    assert {(query["order"], query.get("after")) for query in asked} == {("desc", None)}
    assert len(asked) <= 2

    # What is read stays where it is while older messages come above it.
    read = log.get_by_text("Question 88", exact=True)
    with fake.held(f"{LIST}/{long}/messages"):
        log.evaluate("(box) => (box.scrollTop = 150)")
        expect(read).to_be_in_viewport()
        wait_until_drawn(page)
        top = read.evaluate("(words) => words.getBoundingClientRect().top")
    expect(log.get_by_text("Question 61", exact=True)).to_have_count(1)
    assert read.evaluate("(words) => words.getBoundingClientRect().top") == pytest.approx(top, abs=2)
    for _ in looks(page):  # older ones come a few in each frame, and only to whoever goes on upwards
        log.evaluate("(box) => box.scrollTo(0, 0)")
        if log.get_by_text("Question 1", exact=True).count():
            break
    expect(log.get_by_role("button", name="Show earlier messages")).to_have_count(0)
    expect(log.get_by_role("article", name="You")).to_have_count(110)

    ask(page, "And now?")
    expect(answer_to(page)).to_contain_text("queued")
    fake.finish(fake.answers()[-1], "Now it ends.")
    expect(answer_to(page)).to_have_text("Now it ends.")
    expect(log.get_by_role("article", name="You")).to_have_count(111)


def test_messages_of_hours_without_a_line_are_shown_from_the_end(page: Page, fake: FakeCloud) -> None:
    (long,) = fake.have_conversations("Long")
    talk(fake, long, 30)
    sign_in(page, fake)
    conversations(page).get_by_role("link", name="Long").click()
    wait_for_subscription(page, fake, f"conversation:{long}")
    fake.drop_lines()
    for n in range(31, 91):
        fake.accept(long, {"content": f"Question {n}"}, f"key-{n}")
        fake.messages[long][-1].update(content=f"Answer {n}", status="answered")
    expect(answer_to(page)).to_have_text("Answer 90")
    questions = page.get_by_role("log", name="Messages").get_by_role("article", name="You")
    expect(questions.first).to_have_text("Question 66")
    page.get_by_role("button", name="Show earlier messages").click()
    expect(questions).to_have_text([re.compile(rf"^Question {n}$") for n in range(41, 91)])
