"""The demonstration's exam: marked as a person would mark it."""

import json

import pytest

from local.exam import DATA, chosen, exam, mark


def test_every_question_is_asked_once_with_its_key() -> None:
    made = exam("mistral-7b-instruct-v0.3")
    lines = [json.loads(line) for line in made.lines.splitlines()]
    assert len(lines) == len({line["custom_id"] for line in lines}) == 45
    annulled = [json.loads(line)["id"] for line in DATA.read_text(encoding="utf-8").splitlines() if "Anulado" in line]
    assert {line["custom_id"] for line in lines} == set(made.key) | set(annulled)
    assert set(made.key.values()) <= set("ABCDE")
    assert all(line["body"]["messages"][1]["content"].count("\nA) ") == 1 for line in lines)


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("C", "C"),
        (" d) modelado", "D"),
        ("(E)", "E"),
        ("A resposta é B.", "B"),
        ("A alternativa correta é A.", "A"),
        ("Letra: C", "C"),
        ("A questão", ""),
        ("Energia", ""),
        ("", ""),
    ],
)
def test_an_answer_chooses_a_letter_or_none(answer: str, letter: str) -> None:
    assert chosen(answer) == letter


def test_what_was_not_answered_is_not_right() -> None:
    def line(custom_id: str, content: str) -> bytes:
        body = {"choices": [{"message": {"content": content}}]}
        return json.dumps({"custom_id": custom_id, "response": {"body": body}}).encode()

    marks = mark(
        b"\n".join([line("1", "A"), line("2", "nada"), line("3", "C)")]), {"1": "A", "2": "B", "3": "B", "4": "E"}
    )
    assert (marks.questions, marks.answered, marks.right, marks.accuracy) == (4, 2, 1, 0.25)
