"""The batch of `make demo`: 45 questions of Brazil's ENEM 2024, and how well they were answered."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "enem2024_pt.jsonl"
SYSTEM = "Responda à questão de múltipla escolha. Escreva somente a letra da alternativa correta: A, B, C, D ou E."
LETTERS = "ABCDE"
MOST_TOKENS = 8  # a letter, and room for the words that little models put before it


@dataclass(frozen=True)
class Exam:
    """`lines`: the batch's JSONL. `key`: the right letter by custom_id; a question that was annulled has none."""

    lines: bytes
    key: dict[str, str]


@dataclass(frozen=True)
class Marks:
    """`questions`: those with a key. `answered`: with an answer in which there is a letter; `right`: with the key's."""

    questions: int
    answered: int
    right: int

    @property
    def accuracy(self) -> float:
        """Of all questions: what was not answered is not right."""
        return self.right / self.questions if self.questions else 0.0


def exam(model: str, most: int | None = None) -> Exam:
    """The first `most` questions; all of them without."""
    questions = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()[:most]]
    lines = [json.dumps(_line(model, question), ensure_ascii=False) for question in questions]
    return Exam(
        ("\n".join(lines) + "\n").encode(), {one["id"]: one["label"] for one in questions if one["label"] in LETTERS}
    )


def _line(model: str, question: dict[str, Any]) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question["turns"][0]}]
    body = {"model": model, "messages": messages, "max_tokens": MOST_TOKENS, "temperature": 0}
    return {"custom_id": question["id"], "method": "POST", "url": "/v1/chat/completions", "body": body}


def mark(output: bytes, key: dict[str, str]) -> Marks:
    """Of a batch's output file."""
    given: dict[str, str] = {}
    for line in output.splitlines():
        one = json.loads(line)
        letter = chosen(one["response"]["body"]["choices"][0]["message"]["content"])
        if letter and one["custom_id"] in key:
            given[one["custom_id"]] = letter
    right = sum(1 for custom_id, letter in given.items() if key.get(custom_id) == letter)
    return Marks(len(key), len(given), right)


def chosen(answer: str) -> str:
    """The letter that an answer chooses; empty: none.

    >>> chosen("A alternativa correta é C."), chosen("b)"), chosen("Talvez")
    ('C', 'B', '')
    """
    text = answer.strip()
    if found := re.match(r"\(?([A-Ea-e])\s*(?:[).:]|$)", text):
        return found[1].upper()
    alone = re.search(r"(?<!\w)([B-E]|A(?=\s*(?:[).:,;]|$)))(?!\w)", text)  # "A" alone is also an article
    return alone[1] if alone else ""
