"""Prompts, deltas and ends as JSON: in the table, packed, and in frames. Pure.

A delta that is text alone is a string, any other an object; so a frame of ten tokens has little beside them.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from foreverus.backends.images import ImageKind, PromptImage
from foreverus.backends.port import Delta, Message, Prompt, ToolCall, ToolCallPiece
from foreverus.errors import PromptRejected
from foreverus.relay.records import FailureKind, RequestEnd, RequestFailure, RequestFrame
from foreverus.text import beginning

# Of an item's 400 KB, packed; the rest is for its other fields.
MOST_KEPT_BYTES = 380_000
# Of a frame, of API Gateway's 128 KiB: the rest is for its ids.
MOST_FRAME_BYTES = 120_000
MOST_PIECE_BYTES = 16_000  # of one delta's text: JSON makes six of one at most


def packed_prompt(prompt: Prompt) -> bytes:
    """Raises PromptRejected for what JSON in UTF-8 cannot carry, and for more than an item holds."""
    try:
        text = json.dumps(prompt_to_json(prompt), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        packed = zlib.compress(text.encode(), 1)
    except ValueError as err:
        raise PromptRejected("The prompt holds text or a number that JSON in UTF-8 cannot carry.") from err
    if len(packed) > MOST_KEPT_BYTES:
        message = f"The request is too large for the GPU's queue: {len(packed)} bytes packed, {MOST_KEPT_BYTES} fit."
        raise PromptRejected(message, "request_too_large")
    return packed


def packed_deltas(deltas: Sequence[Delta]) -> bytes | None:
    """None where it is more than an item holds."""
    text = json.dumps([delta_to_json(one) for one in deltas], ensure_ascii=False, separators=(",", ":"))
    packed = zlib.compress(text.encode(errors="replace"), 1)
    return packed if len(packed) <= MOST_KEPT_BYTES else None


def unpacked_prompt(data: bytes) -> Prompt:
    return prompt_from_json(unpacked(data))


def unpacked_deltas(data: bytes) -> list[Delta]:
    return [delta_from_json(one) for one in unpacked(data)]


def unpacked(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


def prompt_to_json(prompt: Prompt) -> dict[str, object]:
    return {
        "messages": [_message(one) for one in prompt.messages],
        "max_tokens": prompt.max_tokens,
        "temperature": prompt.temperature,
        "text": prompt.text,
        "options": dict(prompt.options),
    }


def _message(message: Message) -> dict[str, object]:
    """An image by its address alone (relay/lent_images.py): its bytes would not fit."""
    fields = asdict(replace(message, images=()))
    shown = [
        {"kind": one.kind.value, "width": one.width, "height": one.height, "url": one.url} for one in message.images
    ]
    return {name: value for name, value in fields.items() if name != "images"} | ({"images": shown} if shown else {})


def prompt_from_json(fields: Mapping[str, Any]) -> Prompt:
    return Prompt(**{**fields, "messages": tuple(map(_message_from_json, fields["messages"]))})


def _message_from_json(fields: Mapping[str, Any]) -> Message:
    calls = tuple(ToolCall(**call) for call in fields["tool_calls"])
    images = tuple(
        PromptImage(ImageKind(one["kind"]), one["width"], one["height"], b"", url=one["url"])
        for one in fields.get("images", ())
    )
    return Message(**{**fields, "tool_calls": calls, "images": images})


def delta_to_json(delta: Delta) -> object:
    """
    >>> delta_to_json(Delta("Hi"))
    'Hi'
    >>> delta_to_json(Delta("", (ToolCallPiece(0, "c", "add"),)))
    {'tool_calls': [[0, 'c', 'add', '']]}
    """
    if not delta.tool_calls and delta.logprobs is None:
        return delta.text
    found: dict[str, object] = {"text": delta.text} if delta.text else {}
    if delta.tool_calls:
        found["tool_calls"] = [[one.index, one.id, one.name, one.arguments] for one in delta.tool_calls]
    if delta.logprobs is not None:
        found["logprobs"] = delta.logprobs
    return found


def delta_from_json(value: Any) -> Delta:
    if isinstance(value, str):
        return Delta(value)
    pieces = tuple(ToolCallPiece(*one) for one in value.get("tool_calls", ()))
    return Delta(value.get("text", ""), pieces, value.get("logprobs"))


def end_to_json(end: RequestEnd) -> dict[str, object]:
    return {name: value for name, value in asdict(end).items() if value}


def end_from_json(fields: Mapping[str, Any]) -> RequestEnd:
    failure = fields.get("failure")
    if failure is None:
        return RequestEnd(**fields)
    named = RequestFailure(FailureKind(failure["kind"]), failure["message"], failure["reason"])
    return RequestEnd(**{**fields, "failure": named})


def split(delta: Delta) -> Iterator[Delta]:
    """The same in deltas that a frame holds. An engine gives a token at a time, which is one; this is for the one that
    does not. Logprobs are not split: who adds them looks whether a frame holds them."""
    texts, calls = list(_pieces(delta.text)), list(_calls(delta.tool_calls))
    if len(texts) + len(calls) < 2:
        yield delta
        return
    if delta.logprobs is not None:
        yield Delta("", (), delta.logprobs)
    yield from map(Delta, texts)
    yield from (Delta("", (call,)) for call in calls)


def _calls(pieces: Iterable[ToolCallPiece]) -> Iterator[ToolCallPiece]:
    for piece in pieces:
        first, *more = list(_pieces(piece.arguments)) or [""]
        yield replace(piece, arguments=first)
        yield from (ToolCallPiece(piece.index, arguments=one) for one in more)


def _pieces(text: str) -> Iterator[str]:
    while text:
        first = beginning(text, MOST_PIECE_BYTES)
        yield first
        text = text[len(first) :]


def encoded(delta: Delta) -> bytes:
    """As a frame has it."""
    return json.dumps(delta_to_json(delta), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def frame_bytes(
    request_id: str, attempt: int, session_id: str, offset: int, deltas: Sequence[bytes], end: RequestEnd | None = None
) -> bytes:
    """`deltas`: encoded."""
    head = {
        "type": "request",
        "request_id": request_id,
        "attempt": attempt,
        "session_id": session_id,
        "offset": offset,
        **({"end": end_to_json(end)} if end is not None else {}),
    }
    begun = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return begun[:-1] + b',"deltas":[' + b",".join(deltas) + b"]}"


def frame_from_json(body: Mapping[str, Any]) -> RequestFrame:
    """Raises what reading of anything else does: LookupError, TypeError, ValueError, AttributeError."""
    end = body.get("end")
    return RequestFrame(
        str(body["request_id"]),
        int(body["attempt"]),
        str(body["session_id"]),
        int(body["offset"]),
        [delta_from_json(one) for one in body["deltas"]],
        None if end is None else end_from_json(end),
    )
