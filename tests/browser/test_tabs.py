"""Two tabs of one person agree, and a link opens a tab that is signed in."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, ask, sign_in, start_answer, wait_for_subscription
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def two_tabs(page: Page, fake: FakeCloud) -> Page:
    other = page.context.new_page()
    for tab in (page, other):
        sign_in(tab, fake)
        wait_for_subscription(tab, fake, "list:conversations")
    return other


def test_a_second_tab_sees_new_conversations_and_what_is_asked_in_them(page: Page, fake: FakeCloud) -> None:
    other = two_tabs(page, fake)
    answer = start_answer(page, fake)
    other.get_by_role("link", name="What is a queue?").click()
    expect(other.get_by_role("article", name="You")).to_have_text("What is a queue?")
    wait_for_subscription(other, fake, f"conversation:{answer['conversation_id']}")
    fake.finish(answer, "A line.")
    for tab in (page, other):
        expect(answer_to(tab)).to_have_text("A line.")
    ask(other, "And then?")
    for tab in (page, other):
        expect(tab.get_by_role("article", name="You")).to_have_count(2)
    assert len(fake.conversations) == 1


def test_a_link_that_is_opened_in_a_tab_of_its_own_is_signed_in(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.finish(start_answer(page, fake), "A line.")
    expect(answer_to(page)).to_have_text("A line.")
    page.get_by_role("button", name="New conversation").click()
    for modifier in ("ControlOrMeta", "Shift"):
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="What is a queue?").click(modifiers=[modifier])
        expect(answer_to(opened.value)).to_have_text("A line.")
        expect(opened.value.get_by_role("heading", name="What is a queue?")).to_be_visible()
    expect(page.get_by_role("heading", name="New conversation")).to_be_visible()


def test_a_link_signs_nobody_in_where_nobody_is(page: Page, fake: FakeCloud) -> None:
    (conversation_id,) = fake.have_conversations("Photosynthesis")
    page.goto(f"{fake.url}/#c={conversation_id}")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{fake.url}/#c={conversation_id}")
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()
    assert fake.grants == []
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Photosynthesis")).to_be_visible()
    assert fake.grants == ["authorization_code"]


def test_signing_out_asks_first_where_something_is_not_sent(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.context.set_offline(True)
    ask(page, "Not sent yet")
    expect(page.get_by_text("waits for the line")).to_be_visible()
    fake.unreachable = True
    page.context.set_offline(False)
    page.get_by_role("button", name="Sign out").click()
    sure = page.get_by_role("button", name="Sign out all the same")
    expect(sure).to_be_focused()
    expect(page.get_by_text("One message is not sent yet. Signing out deletes it.").first).to_be_visible()
    page.get_by_role("button", name="Stay").click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    page.get_by_role("button", name="Português").click()
    page.get_by_role("button", name="Sair", exact=True).click()
    expect(page.get_by_text("Uma mensagem ainda não foi enviada. Sair apaga essa mensagem.").first).to_be_visible()
    page.get_by_role("button", name="Sair mesmo assim").click()
    expect(page.get_by_role("button", name="Entrar").or_(page.get_by_role("button", name="Sign in"))).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []
