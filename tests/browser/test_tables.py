"""Files that students have become batches: spreadsheets, exams, lists of questions, and what is typed."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import sign_in
from tests.browser.fake_cloud import FakeCloud

pytestmark = pytest.mark.browser


def open_batches(page: Page, fake: FakeCloud) -> None:
    sign_in(page, fake)
    page.get_by_role("link", name="Batches").click()


def test_a_spreadsheet_becomes_a_batch_by_a_template(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    path = tmp_path / "prova.csv"
    path.write_text('\ufeffaluno;pergunta\r\nAna;O que é crase?\r\nBia;"Some 2 + 2;\r\nexplique"\r\n', encoding="utf-8")
    page.get_by_label("Choose a file").set_input_files(path)
    expect(page.get_by_role("heading", name="prova.csv: 2 rows")).to_be_visible()
    preview = page.get_by_role("list", name="The first questions")
    expect(preview.get_by_role("listitem")).to_have_text(["O que é crase?", "Some 2 + 2; explique"])
    question = page.get_by_label("Question", exact=True)
    question.fill("{{nome}} pergunta: {{pergunta}}")
    expect(page.get_by_role("alert")).to_have_text("There is no column nome.")
    expect(page.get_by_role("button", name="Use these questions")).to_be_disabled()
    question.fill("{{aluno}} pergunta: {{pergunta}}")
    expect(preview.get_by_role("listitem").first).to_have_text("Ana pergunta: O que é crase?")
    page.get_by_label("Instructions for every question").fill("Responda em uma frase.")
    page.get_by_role("button", name="Use these questions").click()
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()
    page.get_by_role("button", name="Send the batch").click()
    expect(page.get_by_role("heading", name="prova.jsonl")).to_be_visible()
    (content,) = fake.batches.stored.values()
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert [line["custom_id"] for line in lines] == ["1", "2"]
    assert lines[0]["body"] == {
        "model": "mistral-7b",
        "messages": [
            {"role": "system", "content": "Responda em uma frase."},
            {"role": "user", "content": "Ana pergunta: O que é crase?"},
        ],
        "max_tokens": 200,
    }


def test_a_template_is_seen_on_the_first_three_rows(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    path = tmp_path / "vestibular.csv"
    rows = [f"{name},{text}" for name, text in zip("ABCDE", ["um", "dois", "x" * 500, "quatro", "cinco"], strict=True)]
    path.write_text("\n".join(["tema,texto", *rows]), encoding="utf-8")
    page.get_by_label("Choose a file").set_input_files(path)
    expect(page.get_by_role("heading", name="vestibular.csv: 5 rows")).to_be_visible()
    preview = page.get_by_role("list", name="The first questions").get_by_role("listitem")
    question = page.get_by_label("Question", exact=True)
    question.fill("{{ tema }}: {{texto}}?")
    cut = ("C: " + "x" * 500)[:400]
    expect(preview).to_have_text(["A: um?", "B: dois?", cut])  # what is long is shown as far as it tells what it is
    question.fill("{{texto}}, {{resposta}}")
    expect(preview).to_have_text(
        ["um, {{resposta}}", "dois, {{resposta}}", "x" * 400]
    )  # a name that is no column stays
    expect(page.get_by_role("alert")).to_have_text("There is no column resposta.")
    question.fill("")
    expect(preview).to_have_text(["", "", ""])
    expect(page.get_by_role("button", name="Use these questions")).to_be_disabled()


def test_exam_questions_as_they_come_are_no_errors(page: Page, fake: FakeCloud, tmp_path: Path) -> None:
    open_batches(page, fake)
    path = tmp_path / "enem.jsonl"
    rows = [{"id": f"enem-{n}", "turns": [f"Questão {n}?\nA) um\nB) dois"], "label": "A"} for n in range(45)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    page.get_by_label("Choose a file").set_input_files(path)
    expect(page.get_by_role("heading", name="enem.jsonl: 45 rows")).to_be_visible()
    expect(page.get_by_label("Question", exact=True)).to_have_value("{{turns}}")
    page.get_by_role("button", name="Use these questions").click()
    expect(page.get_by_role("heading", name="The file is right.")).to_be_visible()


def test_questions_are_typed_in_portuguese(page: Page, fake: FakeCloud) -> None:
    open_batches(page, fake)
    page.get_by_role("button", name="Português").click()
    page.get_by_label("Ou digite as perguntas, uma por linha").fill("Quem foi Zumbi?\n\nO que é crase?")
    page.get_by_role("button", name="Fazer um lote com elas").click()
    expect(page.get_by_role("list", name="As primeiras perguntas").get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Usar estas perguntas").click()
    expect(page.get_by_role("heading", name="O arquivo está correto.")).to_be_visible()
