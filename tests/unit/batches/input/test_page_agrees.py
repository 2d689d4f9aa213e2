"""The page checks a file before it sends anything: it must find what the server finds, on the same lines."""

import json
from pathlib import Path

import pytest

from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import CHAT, COMPLETIONS, split

MODEL = "mistral-7b"
CASES = json.loads((Path(__file__).parents[4] / "frontend/test/lines.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: ", ".join(case["found"]) or "good")
def test_server_finds_what_the_page_finds(case: dict) -> None:
    endpoint = COMPLETIONS if case["text"].find(f'"{COMPLETIONS}"') > 0 > case["text"].find(f'"{CHAT}"') else CHAT
    report = validate(split([case["text"].encode()]), endpoint, MODEL)
    found = [
        " ".join(str(part) for part in (error.line or "file", error.code, error.param) if part is not None)
        for error in report.errors
    ]
    assert sorted(found) == sorted(case["found"])
