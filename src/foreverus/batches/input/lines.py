"""A batch's input file as lines, and the lines of its output and error file. Pure; the worker imports it.

`split` never holds more than one line, and of a line that is too long nothing: memory stays flat for 200 MB.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from foreverus.abilities.read_image.parts import has_images, images_of, named_images, with_images
from foreverus.backends import parameters
from foreverus.backends.messages import without_nulls
from foreverus.backends.port import Prompt
from foreverus.backends.prompts import prompt_of
from foreverus.batches.input.images import stored_images
from foreverus.batches.records import LineError, LineResult

CHAT, COMPLETIONS = parameters.CHAT, parameters.COMPLETIONS  # a batch's endpoints
MAX_LINE_BYTES = 1 << 20  # without its line break
BYTES_PER_TOKEN = 3.5  # a rule of thumb; English and Portuguese prose measure 3–4.5 with Mistral's tokenizer
TOKENS_PER_MESSAGE = 5  # role marks and separators of a chat template

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawLine:
    """`number` counts from 1, as editors do. `start` and `end`: bytes of the file, `end` exclusive and with the line
    break. `data` is without line break, empty when the line is blank, None when it is longer than MAX_LINE_BYTES."""

    number: int
    start: int
    end: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    custom_id: str
    endpoint: str
    prompt: Prompt


def split(chunks: Iterable[bytes]) -> Iterator[RawLine]:
    """The lines of a file that comes in pieces of any size. A byte order mark at the very beginning is no text."""
    number, at, start = 1, 0, 0  # `at`: bytes read, `start`: where the line that is being read begins
    held: list[bytes] | None = []  # what is read of it; None: it is too long to be held
    size = 0  # bytes held
    for chunk in _whole_head(chunks):
        begin = len(_BOM) if at == 0 and chunk.startswith(_BOM) else 0
        start += begin
        while (newline := chunk.find(b"\n", begin)) >= 0:
            end = at + newline + 1
            yield RawLine(number, start, end, _data(held, chunk[begin:newline]))
            number, start, begin, held, size = number + 1, end, newline + 1, [], 0
        if held is not None:
            size += len(chunk) - begin
            if size <= MAX_LINE_BYTES + 1:  # + 1: its carriage return
                held.append(chunk[begin:])
            else:
                held = None
        at += len(chunk)
    if at > start:
        yield RawLine(number, start, at, _data(held, b""))


def _whole_head(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes; the first piece is long enough to tell whether it is a byte order mark."""
    head: bytes | None = b""
    for chunk in chunks:
        if head is None:
            yield chunk
            continue
        head += chunk
        if len(head) >= len(_BOM):
            yield head
            head = None
    if head:
        yield head


def _data(held: list[bytes] | None, last: bytes) -> bytes | None:
    if held is None:
        return None
    data = b"".join((*held, last)).removesuffix(b"\r")
    if len(data) > MAX_LINE_BYTES:
        return None
    return data if data.strip() else b""


def parse(number: int, data: bytes, user_id: str = "") -> Line:
    """A line that validation has passed. `user_id`: whose batch it is, and whose the images are that it names."""
    line = json.loads(data.decode())
    prompt, body = prompt_of(line["url"], line["body"]), line["body"]
    if has_images(body):
        body = without_nulls(body)
        prompt = with_images(prompt, images_of(body, stored_images(user_id, body)))
    return Line(number, line["custom_id"], line["url"], prompt)


def read_shard(data: bytes, first_line: int, user_id: str = "") -> list[Line]:
    """The lines of a shard's bytes, without the blank ones; `first_line` is the number of the first."""
    return [parse(first_line + raw.number - 1, raw.data, user_id) for raw in split([data]) if raw.data]


def named_in(data: bytes, first_line: int, number: int) -> tuple[str, ...]:
    """The ids of the images that one line of a shard's bytes names; none where it is not there."""
    wanted = next((raw.data for raw in split([data]) if first_line + raw.number - 1 == number), None)
    return named_images(without_nulls(json.loads(wanted)["body"])) if wanted else ()


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: good for choosing and sorting, never for a bill.

    >>> estimate_tokens("Por que o céu é azul?")
    7
    """
    return int(len(text.encode()) / BYTES_PER_TOKEN) + 1


def estimate_prompt(prompt: Prompt) -> int:
    """About how many tokens a prompt has."""
    if prompt.text is not None:
        return estimate_tokens(prompt.text)
    return sum(estimate_tokens(message.content) + TOKENS_PER_MESSAGE for message in prompt.messages)


def output_line(batch_id: str, model: str, result: LineResult, endpoint: str) -> dict[str, object]:
    """A line with an answer, as OpenAI's output file has it."""
    suffix = _suffix(batch_id, result)
    common = {"index": 0, "logprobs": None, "finish_reason": result.finish_reason}
    if endpoint == CHAT:
        kind, prefix = "chat.completion", "chatcmpl"
        choice = {**common, "message": {"role": "assistant", "content": result.text, "refusal": None}}
    else:
        kind, prefix = "text_completion", "cmpl"
        choice = {**common, "text": result.text}
    body = {
        "id": f"{prefix}-{suffix}",
        "object": kind,
        "created": int(datetime.fromisoformat(result.at).timestamp()),
        "model": result.images_seen_by or model,
        "choices": [choice],
        "usage": {
            "prompt_tokens": result.prompt_tokens,
            "completion_tokens": result.completion_tokens,
            "total_tokens": result.prompt_tokens + result.completion_tokens,
        },
        "system_fingerprint": None,
        **_images(result),
    }
    response = {"status_code": 200, "request_id": f"req_{suffix}", "body": body}
    return {"id": f"batch_req_{suffix}", "custom_id": result.custom_id, "response": response, "error": None}


def _images(result: LineResult) -> dict[str, object]:
    """Of a line that showed some: who took them in."""
    names = ("images_seen_by", "images_read_by")
    by = {name: value for name in names if (value := getattr(result, name))}
    return {"foreverus": by} if by else {}


# The engine's own refusals: OpenAI answers them with a 400 that has a body.
IMAGE_ERRORS = ("image_not_found", "invalid_image", "images_refused")
_REFUSED = ("prompt_rejected", "context_length_exceeded", "unsupported_parameter", "content_filter", *IMAGE_ERRORS)


def error_line(batch_id: str, result: LineResult, error: LineError) -> dict[str, object]:
    """A line without an answer, as OpenAI's error file has it."""
    suffix = _suffix(batch_id, result)
    code, message = error.code, error.message
    response = None
    if code in _REFUSED:
        body = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        response = {"status_code": 400, "request_id": f"req_{suffix}", "body": {"error": body}}
    return {
        "id": f"batch_req_{suffix}",
        "custom_id": result.custom_id,
        "response": response,
        "error": {"code": code, "message": message},
    }


def _suffix(batch_id: str, result: LineResult) -> str:
    """Names a line of a batch, the same at every attempt."""
    return f"{batch_id.removeprefix('batch_')}_{result.line}"
