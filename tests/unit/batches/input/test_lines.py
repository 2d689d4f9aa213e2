"""Bytes to lines, lines to prompts, answers to lines."""

import json
from itertools import pairwise
from typing import Any

import openai.types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.port import Message, Prompt
from foreverus.backends.prompts import prompt_of
from foreverus.batches.input.lines import (
    CHAT,
    COMPLETIONS,
    MAX_LINE_BYTES,
    error_line,
    estimate_prompt,
    estimate_tokens,
    output_line,
    parse,
    read_shard,
    split,
)
from foreverus.batches.records import LineError, LineResult


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(
    st.lists(st.sampled_from([b"a", b"{}", b"\n", b"\r\n", b"\r", b" ", b"\xef\xbb\xbf", b"\xef", b"\xe2\x80\xa8"])),
    st.lists(st.integers(0, 10_000)),
)
def test_lines_are_the_same_however_the_bytes_come(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    lines = list(split([data]))
    assert list(split(in_pieces(data, cuts))) == lines
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    begin = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    assert [line.start for line in lines] == [begin, *(line.end for line in lines[:-1])][: len(lines)]
    assert (lines[-1].end if lines else begin) == len(data)
    for line in lines:
        text = data[line.start : line.end].removesuffix(b"\n").removesuffix(b"\r")
        assert line.data == (text if text.strip() else b"")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\r\n\r\nb", [b"a", b"", b"b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"]),
        (b" \t\n a ", [b"", b" a "]),
    ],
)
def test_known_files(data: bytes, expected: list[bytes]) -> None:
    assert [line.data for line in split([data])] == expected


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("piece", [1 << 16, 1 << 20, 1 << 24])
def test_a_line_has_at_most_a_mebibyte_without_its_break(end: bytes, piece: int) -> None:
    longest, longer = b"x" * MAX_LINE_BYTES, b"y" * (MAX_LINE_BYTES + 1)
    data = b"".join([longest, end or b"\n", longer, b"\n", longest, end])
    lines = list(split([data[at : at + piece] for at in range(0, len(data), piece)]))
    assert [line.data and len(line.data) for line in lines] == [MAX_LINE_BYTES, None, MAX_LINE_BYTES]
    assert lines[-1].end == len(data)


def body(**changes: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "Olá"}], **changes}


def test_a_chat_becomes_a_prompt() -> None:
    messages = [
        {"role": "developer", "content": "Seja breve."},
        {"role": "user", "content": [{"type": "text", "text": "um"}, {"type": "text", "text": "dois"}]},
        {"role": "assistant", "content": "A resposta"},
    ]
    options = {"top_p": 0.5, "stop": ["\n"], "seed": 7, "response_format": {"type": "json_object"}}
    asked = body(messages=messages, max_tokens=16.0, temperature=0, user="u", n=1, stream=False, **options)
    assert prompt_of(CHAT, asked) == Prompt(
        (Message("system", "Seja breve."), Message("user", "um\ndois"), Message("assistant", "A resposta")),
        max_tokens=16,
        temperature=0.0,
        options=options,
    )


def test_what_is_null_is_left_out() -> None:
    nothing = dict.fromkeys(["max_tokens", "temperature", "top_p", "stop", "seed", "n", "stream", "response_format"])
    assert prompt_of(CHAT, body(**nothing)) == prompt_of(CHAT, body())
    assert prompt_of(CHAT, body()).max_tokens is None


def test_the_newer_name_of_the_limit_wins() -> None:
    assert prompt_of(CHAT, body(max_tokens=5, max_completion_tokens=9)).max_tokens == 9


def test_a_text_completion_has_openais_limit_when_it_names_none() -> None:
    prompt = prompt_of(COMPLETIONS, {"model": "m", "prompt": "Era uma vez"})
    assert (prompt.text, prompt.messages, prompt.max_tokens) == ("Era uma vez", (), 16)
    assert prompt_of(COMPLETIONS, {"model": "m", "prompt": "", "max_tokens": 99}).max_tokens == 99


def test_a_shard_reads_its_own_lines_with_the_files_numbers() -> None:
    lines = [json.dumps({"custom_id": f"c{n}", "method": "POST", "url": CHAT, "body": body()}) for n in range(4)]
    data = "\r\n\r\n".join(lines).encode()
    raw = [line for line in split([data]) if line.data]
    shard = data[raw[1].start : raw[2].end]
    assert [(line.number, line.custom_id) for line in read_shard(shard, raw[1].number)] == [(3, "c1"), (5, "c2")]
    assert parse(7, lines[3].encode()).prompt == prompt_of(CHAT, body())


@given(st.text())
def test_longer_texts_have_more_tokens_by_estimate(text: str) -> None:
    assert 1 <= estimate_tokens(text) <= estimate_tokens(text + "abcd")
    assert estimate_prompt(Prompt((Message("user", text),))) > estimate_tokens(text)
    assert estimate_prompt(Prompt((), text=text)) == estimate_tokens(text)


FINISHED = LineResult(12, "c12", "ses_1", "2026-01-01T12:00:00.500Z", "Olá!", "stop", 9, 3)


def test_an_output_line_has_openais_form() -> None:
    made = output_line("batch_019b", "m", FINISHED, CHAT)
    answer = made["response"].pop("body")
    assert made == {
        "id": "batch_req_019b_12",
        "custom_id": "c12",
        "response": {"status_code": 200, "request_id": "req_019b_12"},
        "error": None,
    }
    read = openai.types.chat.ChatCompletion.model_validate(answer, strict=True)
    assert (read.created, read.model, read.choices[0].finish_reason) == (1767268800, "m", "stop")
    assert read.choices[0].message.content == "Olá!"
    assert read.usage and (read.usage.prompt_tokens, read.usage.total_tokens) == (9, 12)


def test_an_output_line_of_a_text_completion_has_its_own_form() -> None:
    answer = output_line("batch_019b", "m", FINISHED, COMPLETIONS)["response"]["body"]
    read = openai.types.Completion.model_validate(answer, strict=True)
    assert (read.object, read.choices[0].text) == ("text_completion", "Olá!")


def test_an_error_line_says_whether_the_engine_has_seen_the_prompt() -> None:
    line = LineResult(3, "c3")
    assert error_line("batch_019b", line, LineError("batch_expired", "Too late.")) == {
        "id": "batch_req_019b_3",
        "custom_id": "c3",
        "response": None,
        "error": {"code": "batch_expired", "message": "Too late."},
    }
    made = error_line("batch_019b", line, LineError("context_length_exceeded", "Too long."))
    assert made["response"]["status_code"] == 400
    assert made["response"]["body"]["error"]["code"] == made["error"]["code"] == "context_length_exceeded"
