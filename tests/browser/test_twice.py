"""Who clicks twice gets one; what is finished of an answer stays the same element while the rest comes."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import answer_to, ask, sign_in, start_answer
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def test_a_double_click_on_send_asks_once(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_label("Message", exact=True).fill("Once?")
    page.get_by_role("button", name="Send", exact=True).dblclick()
    expect(answer_to(page)).to_contain_text("queued")
    fake.finish(fake.answers()[-1], "Once.")
    page.reload()
    expect(answer_to(page)).to_contain_text("Once.")
    assert len(fake.answers()) == 1
    assert len(fake.conversations) == 1


def test_a_double_click_on_switch_on_buys_one(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    with fake.held("/v1/sessions"):
        page.get_by_role("button", name="Switch on a GPU").dblclick()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
    assert fake.requests.count(("POST", "/v1/sessions")) == 1
    assert len(fake.sessions) == 1


def test_a_double_click_on_create_key_makes_one(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("link", name="Keys").click()
    page.get_by_label("What it is for").fill("laptop")
    with fake.held("/v1/keys"):
        page.get_by_role("button", name="Create key").dblclick()
    expect(page.get_by_role("region", name="The key “laptop” was created")).to_be_visible()
    assert fake.requests.count(("POST", "/v1/keys")) == 1
    assert len(fake.api_keys) == 1


def test_what_is_finished_of_an_answer_keeps_its_elements(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    answer = start_answer(page, fake)
    sent = "First **words**.\n\n- one\n- two\n\n```py\nx = 1\n```\n\nThen"
    fake.delta(answer, 0, sent)
    expect(answer_to(page)).to_contain_text("Then")
    answer_to(page).evaluate("(e) => (window.kept = [...e.querySelectorAll('p strong, ul, li, pre')])")
    assert page.evaluate("window.kept.length") == 5
    for number in range(20):
        piece = f" more{number}.\n\nAnd"
        fake.delta(answer, len(sent), piece)
        sent += piece
    expect(answer_to(page)).to_contain_text("more19")
    assert page.evaluate("window.kept.every((one) => one.isConnected)")
    fake.finish(answer, sent)
    expect(answer_to(page)).to_have_attribute("aria-busy", "false")
    assert page.evaluate("window.kept.every((one) => one.isConnected)")


def test_who_goes_back_to_editing_writes_on_at_once(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    fake.troubles.append(("POST", "/conversations", 400))
    ask(page, "Refused?")
    page.get_by_role("button", name="Back to editing").press("Enter")
    box = page.get_by_label("Message", exact=True)
    expect(box).to_have_value("Refused?")
    expect(box).to_be_focused()
