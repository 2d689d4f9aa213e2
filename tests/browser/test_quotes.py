"""What something would cost is said before it is begun: a session when it is asked, a batch when it is checked."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_batches import question

pytestmark = pytest.mark.browser


def test_a_session_has_its_price_before_it_is_started(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Syntax")  # who is here for the first time is told costs at once
    sign_in(page, fake)
    assert fake.quotes == []
    page.get_by_text("What would it cost?").click()
    quote = page.get_by_role("group", name="What it would cost")
    expect(quote.get_by_role("row", name="own GPU")).to_contain_text("$0.20 ($0.10 to $0.40)")
    expect(quote.get_by_role("row", name="own GPU")).to_contain_text("4 min (2 min to 8 min)")
    bedrock = quote.get_by_role("row", name="Amazon Bedrock")
    expect(bedrock).to_contain_text("The same money pays about 1,000,000 tokens of answers.")
    page.get_by_label("If it is used for").select_option("60")
    expect(quote.get_by_role("row", name="own GPU")).to_contain_text("$0.60")
    page.get_by_label("Accept the full price").check()
    expect(quote).to_have_attribute("aria-busy", "false")
    quote.get_by_text("What this is reckoned with").click()
    expect(quote).to_contain_text("Boot of the GPU: 240 seconds (learned from 7 sessions of this deployment)")
    page.get_by_role("button", name="Português").click()
    reckoned = page.get_by_role("group", name="Quanto custaria")
    expect(reckoned).to_contain_text("Início da GPU: 240 segundos (aprendido com 7 sessões desta instalação)")
    expect(reckoned).to_contain_text("O mesmo dinheiro paga cerca de 3.000.000 tokens de respostas.")
    assert fake.quotes[-1] == {"kind": "session", "minutes": 60, "allow_on_demand": True}
    assert fake.sessions == {}


def test_a_batch_has_both_prices_before_it_is_sent(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    sign_in(page, fake)
    page.get_by_role("link", name="Batches").click()
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(question(n, "What is a rainbow?", "mistral-7b") for n in range(4)))
    page.get_by_label("Choose a file").set_input_files(path)
    quote = page.get_by_role("group", name="What it would cost")
    expect(quote.get_by_role("row", name="own GPU")).to_contain_text("$0.04")
    bedrock = quote.get_by_role("row", name="Amazon Bedrock")
    expect(bedrock).to_contain_text("would be chosen")
    expect(bedrock).to_contain_text("$0.004 ($0.002 to $0.008)")
    asked = fake.quotes[-1]
    assert (asked["kind"], asked["lines"], asked["completion_window"]) == ("batch", 4, "24h")
    assert 1 <= asked["prompt_tokens"] <= 20
    page.get_by_role("button", name="Português").click()
    expect(page.get_by_role("group", name="Quanto custaria")).to_contain_text("seria a escolha")


def test_a_page_whose_quote_fails_works_all_the_same(page: Page, fake: FakeCloud) -> None:
    fake.have_conversations("Syntax")  # who is here for the first time is told costs at once
    sign_in(page, fake)
    fake.troubles.append(("POST", "/quotes", 500))
    page.get_by_text("What would it cost?").click()
    expect(page.get_by_text("Nobody could say just now")).to_be_visible()
    page.get_by_role("button", name="Switch on a GPU").click()
    expect(page.get_by_role("button", name="Switch off the GPU")).to_be_visible()
