"""A batch's answers on the page: beside their questions, searched, for a spreadsheet, and what failed asked again."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import standing
from tests.browser.fake_batches import request_line
from tests.browser.fake_cloud import FakeCloud
from tests.browser.test_batches_page import open_batches, until

pytestmark = pytest.mark.browser

QUESTIONS = {"q1": "Qual é a capital do Brasil?", "q2": "Por que o céu é azul?", "q3": "Quanto é 2 + 2?"}


def answer_line(custom_id: str, content: str) -> str:
    body = {
        "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4},
    }
    return json.dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None})


def error_line(custom_id: str, code: str) -> str:
    error = {"code": code, "message": "Three tries have failed."}
    return json.dumps({"custom_id": custom_id, "response": None, "error": error})


def answered_batch(fake: FakeCloud) -> dict:
    asked = [request_line(i, messages=[{"role": "user", "content": text}]) for i, text in QUESTIONS.items()]
    batch = fake.batches.add_batch(1_790_000_000, "prova.jsonl", backend="bedrock")
    output = [answer_line("q1", "Brasília."), answer_line("q3", "=4")]
    files = {
        "input_file_id": fake.batches.add_output("\n".join(asked).encode()),
        "output_file_id": fake.batches.add_output("\n".join(output).encode()),
        "error_file_id": fake.batches.add_output(error_line("q2", "engine_failed").encode()),
    }
    choice = {"reason": "cheaper", "reason_code": "cheaper", "bedrock_usd": 0.0012, "bedrock_seconds": 42}
    ours = {"choice": {**choice, "gpu_usd": 0.06, "gpu_seconds": 540}, "choice_text": "bedrock: cheaper; 3 lines left"}
    fake.batches.set_batch(
        batch, completed=2, failed=1, total=3, status="completed", completed_at=1_790_000_060, foreverus=ours, **files
    )
    return fake.batches.batches[batch["id"]]


def open_results(page: Page, fake: FakeCloud) -> dict:
    batch = answered_batch(fake)
    open_batches(page, fake)
    page.get_by_role("link", name=re.compile("prova.jsonl")).click()
    page.get_by_role("button", name="Show the answers").click()
    expect(standing(page, "3 of 3 lines")).to_be_visible()
    return batch


def rows(page: Page) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in page.locator(".results tbody tr").all()]


def test_answers_stand_beside_their_questions_failed_ones_first(page: Page, fake: FakeCloud) -> None:
    open_results(page, fake)
    assert rows(page) == [
        ["q2", "Por que o céu é azul?", "The model failed at this line several times. Three tries have failed."],
        ["q1", "Qual é a capital do Brasil?", "Brasília."],
        ["q3", "Quanto é 2 + 2?", "=4"],
    ]
    page.get_by_label("Search questions and answers").fill("brasilia")
    expect(standing(page, "1 of 3 lines")).to_be_visible()
    page.get_by_label("Search questions and answers").fill("")
    expect(standing(page, "3 of 3 lines")).to_be_visible()
    page.get_by_role("combobox", name=re.compile("^Show")).select_option(label="Failed ones only")
    expect(standing(page, "1 of 3 lines")).to_be_visible()
    assert [row[0] for row in rows(page)] == ["q2"]


def test_the_choice_is_told_in_the_persons_language(page: Page, fake: FakeCloud) -> None:
    open_results(page, fake)
    page.get_by_role("button", name="PT, Português").click()
    page.get_by_text("Por que esta escolha?").click()
    expect(page.get_by_text("Entre os que terminam no prazo, é o mais barato.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("GPU da equipe.*US\\$ 0,06.*9 min 00 s"))).to_be_visible()


def test_answers_are_a_spreadsheet(page: Page, fake: FakeCloud) -> None:
    open_results(page, fake)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "prova.csv"
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0] == ["id", "question", "answer", "error", "reason", "tokens read", "tokens written"]
    assert lines[1][:4] == ["q2", "Por que o céu é azul?", "", "engine_failed"]
    assert lines[3][:3] == ["q3", "Quanto é 2 + 2?", "'=4"]  # no formula
    page.get_by_role("button", name="PT, Português").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Baixar em CSV").click()
    assert Path(download.value.path()).read_bytes().decode("utf-8-sig").startswith("id;pergunta;resposta;")


def test_failed_lines_become_a_new_batch(page: Page, fake: FakeCloud) -> None:
    open_results(page, fake)
    page.get_by_role("button", name="Ask the failed ones again (1)").click()
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()
    expect(page.get_by_text("prova (2).jsonl")).to_be_visible()
    page.get_by_role("button", name="Send the batch").click()
    until(page, "the new batch", lambda: len(fake.batches.batches) == 2)
    new = list(fake.batches.batches.values())[-1]
    (line,) = fake.batches.stored[new["input_file_id"]].decode().splitlines()
    assert json.loads(line)["custom_id"] == "q2"


def test_questions_that_are_gone_leave_the_answers(page: Page, fake: FakeCloud) -> None:
    batch = answered_batch(fake)
    batch["input_file_id"] = "s3://bucket/inputs/prova.jsonl"
    open_batches(page, fake)
    page.get_by_role("link", name=re.compile("prova.jsonl")).click()
    page.get_by_role("button", name="Show the answers").click()
    expect(
        page.get_by_text("The file of questions is gone or cannot be read: here are the answers alone.")
    ).to_be_visible()
    assert rows(page)[1] == ["q1", "", "Brasília."]
    expect(page.get_by_role("button", name=re.compile("failed ones again"))).to_have_count(0)
