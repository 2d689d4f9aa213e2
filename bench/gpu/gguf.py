"""A Mistral of random weights as a GGUF file, for llama.cpp: written with the standard library alone.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3. The vocabulary is SentencePiece's with
byte fallback and nothing else, so every text can be encoded, at one token a byte.
"""

import random
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

from bench.gpu.shapes import Shape

ALIGNMENT = 32
UINT32, FLOAT32, STRING, ARRAY, INT32 = 4, 6, 8, 9, 5  # types of metadata
F32 = 0  # type of a tensor
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # types of tokens
SPECIAL = ("<unk>", "<s>", "</s>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] }}"
    "{% else %}[INST] {{ message['content'] }} [/INST]{% endif %}{% endfor %}"
)
# Of noise, only these are ever written: no answer ends by itself, and every answer is text.
WRITTEN = b" abcdefghijklmnopqrstuvwxyz"

Value = int | float | str | list[str] | list[float] | list[int]


def write(path: Path, shape: Shape, seed: int = 7) -> None:
    """The same seed gives the same file."""
    if shape.vocabulary < len(SPECIAL) + 256:
        raise ValueError(f"{shape.name}: a vocabulary of {shape.vocabulary} has no room for 256 bytes")
    tensors = list(_tensors(shape, random.Random(seed)))
    head = bytearray(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(_metadata(shape))))
    for key, value in _metadata(shape).items():
        head += _string(key) + _typed(value)
    at = 0
    for name, dimensions, data in tensors:
        head += _string(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, F32, at)
        at += _padded(len(data))
    with path.open("wb") as file:
        file.write(head.ljust(_padded(len(head)), b"\0"))
        for _, _, data in tensors:
            file.write(data.ljust(_padded(len(data)), b"\0"))


def _metadata(shape: Shape) -> dict[str, Value]:
    fill = shape.vocabulary - len(SPECIAL) - 256
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *(f"<fill_{n}>" for n in range(fill))]
    return {
        "general.architecture": "llama",
        "general.name": f"random-{shape.name}",
        "llama.vocab_size": shape.vocabulary,
        "llama.context_length": shape.context,
        "llama.embedding_length": shape.hidden,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.key_length": shape.head,
        "llama.attention.value_length": shape.head,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": shape.head,
        "llama.rope.freq_base": shape.rope_base,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[CONTROL] * fill],
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.chat_template": TEMPLATE,
    }


def _tensors(shape: Shape, noise: random.Random) -> Iterator[tuple[str, tuple[int, ...], bytes]]:
    """(name, dimensions with the fastest first, data)."""
    width, queries, keys = shape.hidden, shape.heads * shape.head, shape.kv_heads * shape.head
    norm = array("f", [1.0] * width).tobytes()

    def matrix(name: str, columns: int, rows: int) -> tuple[str, tuple[int, ...], bytes]:
        spread = columns**-0.5
        return name, (columns, rows), array("f", (noise.gauss(0, spread) for _ in range(columns * rows))).tobytes()

    yield matrix("token_embd.weight", width, shape.vocabulary)
    for number in range(shape.layers):
        block = f"blk.{number}"
        yield f"{block}.attn_norm.weight", (width,), norm
        yield matrix(f"{block}.attn_q.weight", width, queries)
        yield matrix(f"{block}.attn_k.weight", width, keys)
        yield matrix(f"{block}.attn_v.weight", width, keys)
        yield matrix(f"{block}.attn_output.weight", queries, width)
        yield f"{block}.ffn_norm.weight", (width,), norm
        yield matrix(f"{block}.ffn_gate.weight", width, shape.feed_forward)
        yield matrix(f"{block}.ffn_up.weight", width, shape.feed_forward)
        yield matrix(f"{block}.ffn_down.weight", shape.feed_forward, width)
    yield "output_norm.weight", (width,), norm
    name, dimensions, data = matrix("output.weight", width, shape.vocabulary)
    rows = array("f", data)
    for token in set(range(shape.vocabulary)) - {len(SPECIAL) + byte for byte in WRITTEN}:
        rows[token * width : (token + 1) * width] = array("f", bytes(4 * width))  # a logit of 0 is never the largest
    yield name, dimensions, rows.tobytes()


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _typed(value: Value) -> bytes:
    if isinstance(value, list):
        kind, items = _kind(value[0]), [_bare(item) for item in value]
        return struct.pack("<IIQ", ARRAY, kind, len(items)) + b"".join(items)
    kind = UINT32 if isinstance(value, int) else _kind(value)
    return struct.pack("<I", kind) + _bare(value)


def _kind(value: int | float | str) -> int:
    return STRING if isinstance(value, str) else INT32 if isinstance(value, int) else FLOAT32


def _bare(value: int | float | str) -> bytes:
    if isinstance(value, str):
        return _string(value)
    return struct.pack("<i" if isinstance(value, int) else "<f", value)
