"""A lower bound that is never above the truth, and sharp enough to refuse what cannot fit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.port import Message, Prompt, ToolCall
from foreverus.backends.tokens import cannot_fit, least_tokens, most_prompt_tokens, texts_of

# Counted with mistral-common 1.13's tokenizer v3 (the served model's), without marks of a chat.
COUNTED = [
    ("The quick brown fox jumps over the lazy dog, and then responsibilities follow. " * 50, 901),
    ("Por que o céu é azul e as notas fiscais eletrônicas não são enviadas? " * 50, 1351),
    ("for(int i=0;i<10;i++){\r\n\tx += i;\r\n}\n" * 50, 1200),
    ("我们今天去哪里吃饭" * 50, 551),
    (" " * 500, 32),
    ("word " * 300, 301),
    ("QWxhZGRpbjpvcGVuIHNlc2FtZQ" * 40, 880),
    ("1234567890" * 30, 301),
]


@pytest.mark.parametrize(("text", "tokens"), COUNTED, ids=lambda value: str(value)[:12])
def test_never_more_than_the_tokenizer_counts(text: str, tokens: int) -> None:
    assert least_tokens(text) <= tokens


@given(st.text(), st.text())
def test_more_text_never_has_fewer_and_characters_bound_it(text: str, more: str) -> None:
    assert least_tokens(text) <= least_tokens(text + " " + more) <= len(text) + 1 + len(more)


@pytest.mark.parametrize(
    ("texts", "refused"),
    [
        (["word " * 8191], False),
        (["word " * 8192], True),
        (["word " * 4096, "word " * 4096], True),
        (["palavra " * 30_000], True),
        (["x" * (24 * 8192)], True),
        ([" " * 1_000_000], False),
        (["Oi"], False),
        ([], False),
    ],
    ids=["one left", "none left", "two messages", "30,000 words", "one word", "spaces", "short", "nothing"],
)
def test_what_cannot_fit_is_known_by_its_length(texts: list[str], refused: bool) -> None:
    assert bool(cannot_fit(texts, 8192)) is refused


TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "description": "wort " * 900}},
}


def test_tools_and_calls_are_read_too_and_the_grammar_of_an_answer_is_not() -> None:
    said = (Message("user", "Hi"), Message("assistant", "", (ToolCall("a", "weather", '{"city": "São Paulo"}'),)))
    bare = Prompt(said[:1])
    with_tools = Prompt(said, options={"tools": [TOOL], "response_format": {"type": "json_schema", "x": "y " * 900}})
    assert sum(map(least_tokens, texts_of(with_tools))) >= 900 + sum(map(least_tokens, texts_of(bare)))
    assert any("São Paulo" in text for text in texts_of(with_tools)) and "weather" in texts_of(with_tools)
    assert sum(map(least_tokens, texts_of(with_tools))) < 1800
    assert most_prompt_tokens(with_tools) > len(json.dumps(TOOL, separators=(",", ":")))


@given(st.recursive(st.text() | st.integers(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_what_a_template_writes_of_tools_never_has_fewer_tokens(tools: object) -> None:
    shown = Prompt((), options={"tools": [tools]})
    for written in (json.dumps([tools]), json.dumps([tools], ensure_ascii=False), json.dumps([tools], indent=4)):
        assert sum(map(least_tokens, texts_of(shown))) <= least_tokens(written)
