"""Whatever a record holds, its row is one that PostgreSQL and the Data API take."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.results.gate import EPOCH, clean_row, clean_value, required_time, time_or_none, wire_bytes
from foreverus.results.rows import CHUNK_BYTES, chunks

# Python's whole alphabet, halves of surrogate pairs too.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@given(ANY_TEXT)
def test_any_text_becomes_one_that_postgresql_has_and_the_rest_stays(text: str) -> None:
    clean = clean_value(text)
    assert isinstance(clean, str)
    clean.encode()  # UTF-8 has every character of it
    assert "\0" not in clean
    assert clean_value(clean) == clean
    if "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text):
        assert clean == text


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("pasted\0from a pdf", "pasted\ufffdfrom a pdf"),
        ("oi \ud83d", "oi \ufffd"),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("NaN"), None),
        (2**70, 2**63 - 1),
        (-(2**70), -(2**63)),
        (True, True),
        (0.5, 0.5),
        (None, None),
    ],
)
def test_each_kind_of_value(value: object, clean: object) -> None:
    assert clean_row({"column": value}) == {"column": clean}


@pytest.mark.parametrize("text", [None, "", "yesterday", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "\0"])
def test_a_time_that_cannot_be_read_costs_no_row(text: str | None) -> None:
    assert time_or_none(text) is None
    assert required_time(text) == EPOCH
    assert required_time(text, "2026-01-01T00:00:00.000Z") == datetime(2026, 1, 1, tzinfo=UTC)


@given(st.lists(st.integers(0, 400_000), max_size=12), st.sampled_from(["x", "é", "\x01", "😀"]))
def test_no_request_is_too_long_whatever_json_makes_of_its_text(sizes: list[int], character: str) -> None:
    rows = [{"content": character * (size // 10)} for size in sizes]
    for chunk in chunks(rows):
        assert len(chunk) == 1 or len(json.dumps(chunk)) < 2 * CHUNK_BYTES
    assert [row for chunk in chunks(rows) for row in chunk] == rows
    assert all(wire_bytes(row) >= len(json.dumps(row["content"])) for row in rows)
