"""What a person wants remembered: kept by a click and never without, seen, edited, switched off, forgotten."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.driving import ask, open_list, sign_in, standing, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser

SAID = "Remember that I live in Salvador."


def texts(fake: FakeCloud) -> list[str]:
    return [one["text"] for one in fake.own.memories.values()]


def memory_section(page: Page, link: str = "Preferences", title: str = "Memory") -> Locator:
    open_list(page)
    page.get_by_role("link", name=link, exact=True).click()
    section = page.get_by_role("region", name=title, exact=True)
    expect(section).to_be_visible()
    return section


def kept(page: Page) -> None:
    expect(standing(page, "Remembered in all your conversations; see Preferences.")).to_be_visible()


def test_remember_that_is_offered_and_kept_by_one_click_alone(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    ask(page, SAID)
    offer = page.get_by_role("group", name="Remember this")
    expect(offer.get_by_text("Remember this in all your conversations? “I live in Salvador.”")).to_be_visible()
    assert texts(fake) == [], "nothing is kept silently"
    offer.get_by_role("button", name="Yes, remember").click()
    kept(page)
    expect(offer).to_have_count(0)
    assert texts(fake) == ["I live in Salvador."]
    (talk,) = fake.conversations
    assert fake.own.memories.popitem()[1]["conversation_id"] == talk


def test_an_offer_that_is_declined_or_was_taken_is_not_made_again(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    ask(page, SAID)
    offer = page.get_by_role("group", name="Remember this")
    offer.get_by_role("button", name="No", exact=True).click()
    expect(offer).to_have_count(0)
    assert texts(fake) == []
    page.reload()
    offer.get_by_role("button", name="Yes, remember").click()
    kept(page)
    page.reload()
    expect(page.get_by_role("button", name="Remember this")).to_be_visible()
    with page.expect_response(re.compile(r"/memories$")):
        page.reload()  # what is remembered already is looked up first
    expect(page.get_by_role("button", name="Remember this")).to_be_visible()
    expect(offer).to_have_count(0)
    assert texts(fake) == ["I live in Salvador."]


def test_any_question_of_ones_own_can_be_remembered_in_other_words(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    ask(page, "I am a teacher.\nWhat is light?")
    page.get_by_role("button", name="Remember this").click()
    box = page.get_by_role("textbox", name="What to remember")
    expect(box).to_be_focused()
    expect(box).to_have_value("I am a teacher. What is light?")
    box.fill("I am a teacher.")
    box.press("Enter")
    kept(page)
    assert texts(fake) == ["I am a teacher."]


def test_each_is_seen_edited_switched_off_and_forgotten_with_a_way_back(page: Page, fake: FakeCloud) -> None:
    fake.own.titles = lambda talk: fake.conversations[talk]["title"]
    sign_in(page, fake)
    ask(page, SAID)
    page.get_by_role("button", name="Yes, remember").click()
    kept(page)
    (talk,) = fake.conversations
    fake.conversations[talk]["title"] = "The sea"
    section = memory_section(page)
    expect(section.get_by_text(re.compile(r"^\d+ of 500 tokens in each question$"))).to_be_visible()

    section.get_by_label("Something to remember").fill("My name is Ana.")
    section.get_by_role("button", name="Remember", exact=True).click()
    ana = section.get_by_role("checkbox", name="My name is Ana.")
    expect(ana).to_be_checked()
    expect(section.get_by_label("Something to remember")).to_have_value("")
    with page.expect_response(lambda one: one.request.method == "PATCH"):
        ana.click()
    expect(ana).not_to_be_checked()
    assert [one["enabled"] for one in fake.own.memories.values()] == [True, False]

    section.get_by_role("button", name="Edit: My name is Ana.").click()
    box = section.get_by_role("textbox", name="What to remember")
    box.fill("My name is Bia.")
    box.press("Enter")
    expect(section.get_by_role("checkbox", name="My name is Bia.")).to_be_visible()
    assert texts(fake) == ["I live in Salvador.", "My name is Bia."]

    section.get_by_role("button", name="Forget: My name is Bia.").click()
    expect(section.get_by_role("checkbox", name="My name is Bia.")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(section.get_by_role("checkbox", name="My name is Bia.")).to_be_visible()
    assert len(texts(fake)) == 2
    section.get_by_role("button", name="Forget: My name is Bia.").click()
    page.wait_for_event("requestfinished", lambda one: one.method == "DELETE")
    assert texts(fake) == ["I live in Salvador."]

    section.get_by_role("link", name="The sea").click()
    expect(page.get_by_role("article", name="You").first).to_contain_text(SAID)


def test_what_does_not_fit_says_so_and_what_is_refused_too(page: Page, fake: FakeCloud) -> None:
    fake.own.remember({"text": "word " * 50}, "k")
    sign_in(page, fake)
    section = memory_section(page)
    expect(section.get_by_text("Not read just now: newer ones take the 500 tokens.")).to_be_visible()
    error = {"message": "No room.", "type": "conflict_error", "param": None, "code": "too_many_memories"}
    page.route(re.compile(r"/memories$"), lambda route: route.fulfill(status=409, json={"error": error}))
    section.get_by_label("Something to remember").fill("One more.")
    section.get_by_role("button", name="Remember", exact=True).click()
    expect(section.get_by_role("alert")).to_contain_text("There are as many memories as there can be.")
    expect(section.get_by_label("Something to remember")).to_have_value("One more.")


def test_a_conversation_can_do_without_and_an_answer_says_how_many_it_was_given(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    fake.finish(answer, "You are Ana.", memories=3)
    given = page.get_by_role("link", name="Memories read with the question: 3")
    expect(given).to_be_visible()
    page.get_by_role("button", name=re.compile("^Settings")).click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Use what is remembered").click()
    sheet.get_by_role("button", name="Save settings").click()
    expect(sheet).to_have_count(0)
    (talk,) = fake.conversations.values()
    assert talk["memories"] is False
    given.click()
    expect(page.get_by_role("region", name="Memory", exact=True)).to_be_visible()


def test_it_speaks_portuguese(fake: FakeCloud, browser: Browser) -> None:
    context = browser.new_context(locale="pt-BR")
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    page.get_by_label("Mensagem", exact=True).fill("Lembre-se de que eu sou professora.")
    page.get_by_label("Mensagem", exact=True).press("Enter")
    page.get_by_role("button", name="Sim, lembrar").click()
    expect(standing(page, "Lembrado em todas as suas conversas; veja em Preferências.")).to_be_visible()
    assert texts(fake) == ["Eu sou professora."]
    section = memory_section(page, "Preferências", "Memória")
    expect(section.get_by_role("checkbox", name="Eu sou professora.")).to_be_checked()
    expect(section.get_by_text(re.compile(r"^\d+ de 500 tokens em cada pergunta$"))).to_be_visible()
    context.close()


ABOUT = "Why is the sea salty? I live in Salvador."
OFFER = "Offer to remember what I say about myself"


def switch_offers_on(page: Page, fake: FakeCloud) -> None:
    section = memory_section(page)
    expect(section.get_by_label(OFFER)).not_to_be_checked()  # off by default
    with page.expect_response(re.compile(r"/me$")):
        section.get_by_label(OFFER).check()
    assert fake.own.me["suggest_memories"] is True


def test_what_somebody_says_about_themselves_is_offered_only_where_it_is_switched_on(
    page: Page, fake: FakeCloud
) -> None:
    sign_in(page, fake)
    ask(page, ABOUT)
    expect(page.get_by_role("button", name="Remember this")).to_be_visible()
    page.wait_for_load_state("networkidle")
    offer = page.get_by_role("group", name="Remember this")
    expect(offer).to_have_count(0)
    switch_offers_on(page, fake)
    page.go_back()
    expect(offer.get_by_text("Remember this in all your conversations? “I live in Salvador.”")).to_be_visible()
    assert texts(fake) == [], "nothing is kept silently"
    offer.get_by_role("button", name="Yes, remember").click()
    kept(page)
    expect(offer).to_have_count(0)
    assert texts(fake) == ["I live in Salvador."]


def test_a_suggestion_is_edited_before_it_is_kept_and_not_made_again(page: Page, fake: FakeCloud) -> None:
    fake.own.me["suggest_memories"] = True
    sign_in(page, fake)
    ask(page, ABOUT)
    offer = page.get_by_role("group", name="Remember this")
    offer.get_by_role("button", name="In other words").click()
    box = page.get_by_role("textbox", name="What to remember")
    expect(box).to_have_value("I live in Salvador.")
    box.fill("I live in Salvador, in Bahia.")
    box.press("Enter")
    kept(page)
    assert texts(fake) == ["I live in Salvador, in Bahia."]
    with page.expect_response(re.compile(r"/me$")):
        page.reload()
    expect(page.get_by_role("button", name="Remember this")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(offer).to_have_count(0)


def test_a_suggestion_that_is_declined_is_not_made_again_in_any_conversation(page: Page, fake: FakeCloud) -> None:
    fake.own.me["suggest_memories"] = True
    sign_in(page, fake)
    ask(page, ABOUT)
    offer = page.get_by_role("group", name="Remember this")
    offer.get_by_role("button", name="No", exact=True).click()
    expect(offer).to_have_count(0)
    page.wait_for_function("localStorage.getItem('foreverus.settled')")
    page.reload()
    page.get_by_role("button", name="New conversation").click()
    ask(page, "Tell me about whales. i live in salvador.")
    expect(page.get_by_role("button", name="Remember this")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(offer).to_have_count(0)
    assert texts(fake) == []
    stored = page.evaluate("() => JSON.stringify(Object.entries(localStorage))")
    assert "foreverus.settled" in stored and "salvador" not in stored.split("foreverus.settled")[1][:200].lower()


def test_suggestions_speak_portuguese(fake: FakeCloud, browser: Browser) -> None:
    fake.own.me["suggest_memories"] = True
    context = browser.new_context(locale="pt-BR")
    page = context.new_page()
    page.goto(fake.url)
    page.get_by_role("button", name="Entrar").click()
    page.get_by_label("Mensagem", exact=True).fill("Oi, sou professora de química. O que é um mol?")
    page.get_by_label("Mensagem", exact=True).press("Enter")
    offer = page.get_by_role("group", name="Lembrar disto")
    expect(offer).to_contain_text("“Sou professora de química.”")
    offer.get_by_role("button", name="Com outras palavras").click()
    box = page.get_by_role("textbox", name="O que lembrar")
    expect(box).to_have_value("Sou professora de química.")
    box.press("Escape")
    offer.get_by_role("button", name="Sim, lembrar").click()
    expect(standing(page, "Lembrado em todas as suas conversas; veja em Preferências.")).to_be_visible()
    section = memory_section(page, "Preferências", "Memória")
    expect(section.get_by_label("Oferecer para lembrar o que eu digo sobre mim")).to_be_checked()
    context.close()
