"""One reader of JSON for bodies, frames and lines: what it refuses it names, and nothing makes it fail otherwise."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreverus import strict_json
from foreverus.strict_json import NotJson

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
)


@pytest.mark.parametrize(
    ("text", "words", "param"),
    [
        (rb'{"content": "oi \ud83d"}', "no character", "content"),
        (rb'{"\ud83d": 1}', "no character", r"\ud83d"),
        (b'{"a": [{"b": NaN}]}', "NaN", "a[0].b"),
        (b'{"a": -Infinity}', "Infinity", "a"),
        (b'{"a": 1e999}', "1e309", "a"),
        (b'{"x": [{"content": 1, "content": 2}]}', "'content' stands in it twice", "x[0].content"),
        (b"[" * 200_000, "64 levels, from character 65", None),
        (b'{"a":' * 200_000, "64 levels, from character 321", None),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "64 levels", None),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits, at character 7", None),
        (b"\xff", "not UTF-8 text: see byte 1", None),
        (b"\xef\xbb\xbf{}", "byte order mark", None),
        (b"  ", "nothing in it", None),
        (b"null", "must be a JSON object, not null", None),
        (b"[]", "must be a JSON object, not an empty list", None),
        (b"{'a': 1}", "a name in double quotes is missing, at character 2", None),
        (b'{\n"a": }', "(line 2, column 6)", None),
    ],
)
def test_what_is_not_taken_is_named_with_its_place(text: bytes, words: str, param: str | None) -> None:
    with pytest.raises(NotJson) as caught:
        strict_json.read(text)
    assert words in str(caught.value)
    assert caught.value.param == param


def test_what_is_taken_comes_as_it_is() -> None:
    assert strict_json.read(b'{"a": 5.0, "b": 0.5, "c": "\\ud83d\\ude00"}') == {"a": 5, "b": 0.5, "c": "😀"}
    deepest = b'{"a":' * 64 + b"1" + b"}" * 64
    assert strict_json.read(deepest) == json.loads(deepest)


@settings(derandomize=True)
@given(ANY)
def test_any_value_is_read_or_refused(value: Any) -> None:
    try:
        read = strict_json.read(json.dumps(value).encode())
    except NotJson as err:
        assert str(err)
    else:
        assert read == value


@settings(derandomize=True)
@given(st.binary() | st.text('[]{}",:\\u d8NaInfity0.e\n').map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        strict_json.read(data)
    except NotJson as err:
        assert str(err)


@settings(derandomize=True)
@given(st.lists(st.text(st.characters(codec=None)) | st.text("\u0085\u2028\u2029\x0b\x0c\x1c\x1d\x1e\r\n\ud83d")))
def test_a_line_is_one_line_for_every_reader(texts: list[str]) -> None:
    written = strict_json.line({"texts": texts}).decode()
    assert written.splitlines() == [written]
    kept = [text for text in texts if not any("\ud800" <= c <= "\udfff" for c in text)]
    assert [one for one in json.loads(written)["texts"] if one in kept] == kept or len(kept) < len(texts)
