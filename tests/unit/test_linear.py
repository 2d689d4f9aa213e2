"""Everything that reads what people send takes steps in proportion to its size: twice as much, twice the steps.

Steps are counted, not timed: lines of Python that run, and calls of what is written in C. Each reader stands in
`READERS`, each schema of a request is one by itself; each is given every shape at every place of what it reads.
"""

import ast
import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import foreverus
from foreverus import strict_json
from foreverus.api import schemas
from foreverus.api.requests import Request
from foreverus.backends.answer_schema import flaw_of
from foreverus.backends.converse import turns
from foreverus.backends.parameters import TABLE
from foreverus.backends.pattern_size import NestedRepetition, pattern_size
from foreverus.backends.port import Prompt
from foreverus.backends.tokens import least_tokens
from foreverus.batches.input.file_check import Allowed, validate
from foreverus.batches.input.lines import CHAT, COMPLETIONS, read_shard, split
from foreverus.conversations.prompt import build_prompt, read_thread, shorter
from foreverus.conversations.records import Answer, AnswerStatus, Question
from foreverus.errors import PromptRejected, RequestRejected
from foreverus.files.forms import read_form
from foreverus.idempotency.records import fingerprint
from foreverus.live.frames import read_frame
from foreverus.results.rows import chunks
from foreverus.text import for_postgresql, is_blank, quoted, whole
from foreverus.worker.last_log import cleaned

MODEL = "m"
SMALL = 200
MOST_RATIO = 2.6  # of the steps for twice as much; four where each part is held against each other one
BUT_FOR = 3_000  # steps: of a limit that only the larger one passes, and of the error that says so

Shape = Callable[[int], str]


def steps(work: Callable[[], object]) -> int:
    """Of the second run: what is read or compiled once stays."""
    count = 0

    def called(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    def line(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return line

    work()
    before = sys.gettrace()
    sys.setprofile(called)
    sys.settrace(line)
    try:
        work()
    finally:
        sys.settrace(before)
        sys.setprofile(None)
    return count


def joined(part: Callable[[int], str], begin: str = "[", end: str = "]") -> Shape:
    return lambda n: begin + ",".join(part(i) for i in range(n)) + end


VALUES: dict[str, Shape] = {  # JSON
    "many keys": joined(lambda i: f'"k{i}":{i}', "{", "}"),
    "many keys of null": joined(lambda i: f'"k{i}":null', "{", "}"),
    "many keys of objects": joined(lambda i: f'"k{i}":{{"type":"strin","k{i}":[]}}', "{", "}"),
    "one key many times": joined(lambda i: f'"k":{i}', "{", "}"),
    "each key twice": joined(lambda i: f'"k{i}":0,"k{i}":1', "{", "}"),
    "lists in lists": lambda n: "[" * n + "]" * n,
    "objects in objects": lambda n: '{"a":' * n + "0" + "}" * n,
    "never closed": lambda n: "[{" * n,
    "many numbers": joined(str),
    "many texts": joined(lambda i: f'"t{i}"'),
    "one text many times": joined(lambda i: '"type"'),
    "all sorts": joined(lambda i: f'{i},"t{i}",{{"a":{i}}},[{i}],null,{i}.5'),
    "many objects": joined(lambda i: f'{{"type":"text","text":"t{i}"}}'),
    "many messages": joined(lambda i: f'{{"role":"{("user", "assistant")[i % 2]}","content":"c{i}"}}'),
    "many bad messages": joined(lambda i: f'{{"role":{i},"content":[{{"type":"text","text":{i}}}],"x{i}":0}}'),
    "a long text": lambda n: json.dumps("word " * n),
    "a long word": lambda n: json.dumps("w" * 20 * n),
    "a blank text": lambda n: json.dumps(" \u200b" * n),
    "escapes": lambda n: '"' + "\\u0041\\n\\\\\\u00e9" * n + '"',
    "pairs of halves": lambda n: '"' + "\\ud83d\\ude00" * n + '"',
    "halves": lambda n: '"' + "\\ud83d" * n + '"',
    "halves in many texts": joined(lambda i: '"\\ud83d"'),
    "characters that cannot be seen": lambda n: json.dumps("\u2028\u0000\u0085" * n, ensure_ascii=False),
    "many digits": lambda n: "9" * 20 * n,
    "a long fraction": lambda n: "0." + "3" * 20 * n,
    "a large exponent": lambda n: "1e" + "9" * n,
    "not a number": joined(lambda i: "NaN"),
    "references": joined(lambda i: f'"k{i}":{{"$ref":"#k{i}","$anchor":"k{i}"}}', "{", "}"),
    "pointers": joined(lambda i: f'{{"$ref":"#/x/k{i}/{i}"}}'),
    "a long pointer": lambda n: '{"$ref":"#' + "/a" * n + '"}',
    "nested repetitions": lambda n: json.dumps("(a" * n + ")+" * n),
    "repetitions": lambda n: json.dumps("[a-z]{1,9}" * n),
}


def holes(value: Any) -> Iterator[Any]:
    """The same value with `@@` in place of each part of it, and as one more key of each object."""
    yield "@@"
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from ({**value, name: made} for made in holes(inner))
        yield {**value, "@@": 0}
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], made, *value[number + 1 :]] for made in holes(inner))


def filled(hole: Any, shape: Shape, n: int) -> bytes:
    """A key in place of a value: the object's own keys are then as many as the shape's."""
    text = json.dumps(hole)
    made = shape(n)
    if '"@@": 0' in text:
        made = made[1:-1] if made[0] == "{" and made[-1] == "}" else f'"x":{made}'
        return text.replace('"@@": 0', made).encode("utf-8", "surrogatepass")
    return text.replace('"@@"', made).encode("utf-8", "surrogatepass")


def example(part: dict[str, Any]) -> Any:
    """A value with every property that a schema knows, as far as types tell."""
    if "properties" in part:
        return {name: example(inner) for name, inner in part["properties"].items()}
    if "const" in part or part.get("enum"):
        return part.get("const", (part.get("enum") or [None])[0])
    kinds = part.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return [example(part.get("items", {}))]
    return {"string": "a", "integer": 1, "number": 1, "boolean": True, "object": {}}.get(kind)


OPTIONS = ("stop", "seed", "response_format", "metadata", "tools", "modalities")  # one of each kind


def line(endpoint: str) -> dict[str, Any]:
    prompt: dict[str, Any] = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}], "name": "a"}]}
    options = {name: example(dict(TABLE[name].schema)) for name in OPTIONS if endpoint in TABLE[name].endpoints}
    body = {"model": MODEL, **(prompt if endpoint == CHAT else {"prompt": "a"}), **options}
    return {"custom_id": "a", "method": "POST", "url": endpoint, "body": body}


def of_batch(endpoint: str) -> Callable[[bytes], object]:
    """What validation and the worker do with a file."""

    def read(data: bytes) -> object:
        report = validate(split([data[at : at + 64] for at in range(0, len(data), 64)]), endpoint, MODEL, Allowed())
        assert all(len(one.message) < 2000 and len(one.param or "") <= 200 for one in report.errors)
        if report.errors:
            return None
        lines = read_shard(data, 1)
        with suppress(PromptRejected):
            return [turns(one.prompt) for one in lines]
        return None

    return read


def of_schema(data: bytes) -> object:
    with suppress(strict_json.NotJson):
        return flaw_of(strict_json.read(data))
    return None


SCHEMA: dict[str, Any] = {
    "$schema": "a",
    "$defs": {"a": {"$anchor": "b", "const": 1}},
    "type": "object",
    "properties": {"a": {"type": ["string", "null"], "pattern": "a", "maxLength": 4}},
    "required": ["a"],
    "enum": [1],
    "allOf": [{"anyOf": [{"$ref": "#/$defs/a"}]}],
    "items": {"prefixItems": [True], "maxItems": 2},
    "dependentRequired": {"a": ["b"]},
    "x": {"a": 1},
}


def of_request(name: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        try:
            return fingerprint(schemas.parse(name, data))
        except RequestRejected as err:
            assert len(err.message) < 1000 and len(err.param or "") <= 200
            return None

    return read


def of_frame(data: bytes) -> object:
    with suppress(RequestRejected):
        return read_frame(data.decode("utf-8", "surrogatepass"))
    return None


NAMES = sorted(path.stem for path in Path(schemas.__file__).parent.glob("*.json"))
LINES = {"chat_line": CHAT, "completion_line": COMPLETIONS}
# What reads JSON, with an example of what it reads.
READERS: dict[str, tuple[Callable[[bytes], object], Any]] = {
    **{name: (of_request(name), example(schemas.schema(name))) for name in NAMES if name not in LINES},
    **{name: (of_batch(endpoint), line(endpoint)) for name, endpoint in LINES.items()},
    "frame": (of_frame, example(schemas.schema("websocket_frame"))),
    "answer schema": (of_schema, SCHEMA),
}


def grows_linearly(work: Callable[[int], Callable[[], object]], n: int = SMALL) -> None:
    once, twice = steps(work(n)), steps(work(2 * n))
    assert twice <= MOST_RATIO * once + BUT_FOR, f"{once} steps, of twice as much {twice}"


@pytest.mark.parametrize("shape", VALUES)
@pytest.mark.parametrize("reader", READERS)
def test_json_is_read_in_steps_in_proportion_to_its_size(reader: str, shape: str) -> None:
    read, sample = READERS[reader]
    for hole in holes(sample):

        def work(n: int, hole: Any = hole) -> Callable[[], object]:
            data = filled(hole, VALUES[shape], n)
            return lambda: read(data)

        grows_linearly(work)


MOST_STEPS_A_BYTE = 6


@pytest.mark.parametrize("shape", VALUES)
def test_a_file_of_200_mb_is_checked_long_before_a_lambda_ends(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 6 steps a byte 1.2 billion, which a Lambda of one processor does in a few minutes. Of 100 lines at most more
    than the first error is looked for."""
    monkeypatch.setattr(schemas, "LONG_BYTES", 0)
    read, sample = READERS["chat_line"]
    for hole in holes(sample):
        less, more = (filled(hole, VALUES[shape], n) for n in (SMALL, 2 * SMALL))
        spent = steps(partial(read, more)) - steps(partial(read, less))
        assert spent <= MOST_STEPS_A_BYTE * (len(more) - len(less)) + BUT_FOR


def test_what_is_not_linear_is_found() -> None:
    def work(n: int) -> Callable[[], object]:
        names = [str(i) for i in range(n)]
        return lambda: [one for i, one in enumerate(names) if not any(other == one for other in names[:i])]

    with pytest.raises(AssertionError, match="twice as much"):
        grows_linearly(work)


def form(parts: Iterator[str], boundary: str = "b") -> bytes:
    return ("".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n").encode()


def part(name: str, rest: str = "", content: str = "c", headers: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"{rest}\r\n{headers}\r\n{content}\r\n'


FORMS: dict[str, Callable[[int], tuple[str, bytes]]] = {  # Content-Type and body
    "many parts": lambda n: ("b", form(part(f"n{i}") for i in range(n))),
    "many parts of one name": lambda n: ("b", form(part("n") for _ in range(n))),
    "many files": lambda n: ("b", form(part(f"n{i}", f'; filename="{i}"') for i in range(n))),
    "many headers": lambda n: ("b", form(iter([part("n", headers="".join(f"X-{i}: a\r\n" for i in range(n)))]))),
    "many options": lambda n: ("b", form(iter([part("n", "".join(f'; o{i}="{i}"' for i in range(n)))]))),
    "a long name": lambda n: ("b", form(iter([part("n" * 20 * n)]))),
    "a long file name": lambda n: ("b", form(iter([part("n", '; filename="' + "\\\\" * n + '"')]))),
    "escapes in a name": lambda n: ("b", form(iter([part('\\"' * n)]))),
    "a long content": lambda n: ("b", form(iter([part("file", '; filename="f"', "line\r\n" * n)]))),
    "nearly the boundary": lambda n: ("b" * 60, form(iter([part("n", content=("\r\n--" + "b" * 59) * n)]), "b" * 60)),
    "hyphens": lambda n: ("-" * 60, form(iter([part("n", content="-" * 60 * n)]), "-" * 60)),
    "line breaks": lambda n: ("b", b"\r\n" * n + form(iter([part("n")]))),
    "a long boundary": lambda n: ("b" * n, form(iter([part("n")]), "b" * n)),
    "many options of the Content-Type": lambda n: ("".join(f"b; o{i}=a" for i in range(n)), form(iter([part("n")]))),
    "base64": lambda n: ("b", form(iter([part("n", "", "QUJD" * n, "Content-Transfer-Encoding: base64\r\n")]))),
    "quoted-printable": lambda n: (
        "b",
        form(iter([part("n", "", "=41=\r\n" * n, "Content-Transfer-Encoding: quoted-printable\r\n")])),
    ),
    "never ended": lambda n: ("b", form(iter([part("n", content="a" * n)]))[:-5]),
    "no form": lambda n: ("b", b"a" * 20 * n),
}


@pytest.mark.parametrize("shape", FORMS)
def test_a_form_is_read_in_steps_in_proportion_to_its_size(shape: str) -> None:
    def work(n: int) -> Callable[[], object]:
        boundary, body = FORMS[shape](n)

        def read() -> None:
            try:
                read_form(f"multipart/form-data; boundary={boundary}", body)
            except RequestRejected as err:
                assert len(err.message) < 1000

        return read

    grows_linearly(work)


def event(n: int, **more: Any) -> Request:
    return Request({"requestContext": {"authorizer": {"user_id": "ana"}}, **more})


def read_request(request: Request) -> None:
    reads: list[Callable[[], object]] = [
        lambda: request.path,
        lambda: request.query,
        lambda: request.attempt,
        lambda: request.is_form,
        lambda: request.raw_body,
        lambda: request.body("batch_create"),
    ]
    for read in reads:
        with suppress(RequestRejected):
            read()


REQUESTS: dict[str, Callable[[int], dict[str, Any]]] = {  # API Gateway's event
    "many headers": lambda n: {"headers": {f"X-{i}": "a" for i in range(n)}},
    "long headers": lambda n: {"headers": {"Idempotency-Key": "\u00e9" * n, "Content-Type": "a;" * n}},
    "many query parameters": lambda n: {
        "queryStringParameters": {f"q{i}": "a" for i in range(n)},
        "multiValueQueryStringParameters": {f"q{i}": ["a"] for i in range(n)},
    },
    "one query parameter many times": lambda n: {"multiValueQueryStringParameters": {"q": ["a"] * n}},
    "a long id": lambda n: {"pathParameters": {"file_id": "\ud83d" * n + "a"}},
    "many path parameters": lambda n: {"pathParameters": {f"p{i}": "a" for i in range(n)}},
    "a body in base64": lambda n: {"body": base64.b64encode(b" " * n + b"{}").decode(), "isBase64Encoded": True},
    "no base64": lambda n: {"body": "\u00e9" * n, "isBase64Encoded": True},
    "halves": lambda n: {"body": "\ud83d" * n},
}


@pytest.mark.parametrize("shape", REQUESTS)
def test_a_request_is_read_in_steps_in_proportion_to_its_size(shape: str) -> None:
    def work(n: int) -> Callable[[], object]:
        request = event(n, **REQUESTS[shape](n))
        return lambda: read_request(request)

    grows_linearly(work)


def file_of(part: Callable[[int], object]) -> Callable[[int], bytes]:
    return lambda n: b"".join(json.dumps(part(i)).encode() + b"\n" for i in range(n // 4))


def batch_line(number: int, **options: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], **options}
    return {"custom_id": f"c{number}", "method": "POST", "url": CHAT, "body": body}


def with_schema(schema: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}


FILES: dict[str, Callable[[int], bytes]] = {
    "good lines": file_of(batch_line),
    "lines that are blank": lambda n: b" \r\n" * n,
    "no line break": lambda n: b"a" * 2000 * n,
    "bad lines": file_of(lambda i: batch_line(i, x=i, temperature="hot")),
    "lines of one name": file_of(lambda i: batch_line(0)),
    "models": file_of(lambda i: batch_line(i, model=f"m{i}")),
    "a schema for each": file_of(lambda i: batch_line(i, **with_schema({"properties": {f"k{i}": {"enum": ["a", i]}}}))),
    "a bad schema for each": file_of(lambda i: batch_line(i, **with_schema({"properties": {f"k{i}": {"type": "x"}}}))),
    "lines of text that is none": lambda n: b"\xff\n" * n,
}


@pytest.mark.parametrize("shape", FILES)
def test_a_batchs_file_is_read_in_steps_in_proportion_to_its_size(shape: str) -> None:
    def work(n: int) -> Callable[[], object]:
        data = FILES[shape](n)
        return lambda: of_batch(CHAT)(data)

    grows_linearly(work)


def conversation(n: int) -> Callable[[], object]:
    """What a prompt is made of, and made shorter as long as the engine refuses it."""

    def read() -> None:
        said: list[Question | Answer] = [question("msg_z")]
        for i in reversed(range(n)):
            said.append(
                Answer(message_id=f"msg_{i}", conversation_id="conv_1", status=AnswerStatus.ANSWERED, content="a")
            )
            said.append(question(f"msg_{i}"))
        prompt: Prompt | None = build_prompt("", read_thread(iter(said), "msg_z", 10**9), 10**6)
        assert prompt and len(prompt.messages) == 2 * n + 2
        while prompt:
            prompt = shorter(prompt)

    return read


def question(message_id: str) -> Question:
    return Question(message_id=message_id, conversation_id="conv_1", user_id="ana", content="q", created_at="")


def test_a_conversation_is_read_in_steps_in_proportion_to_its_messages() -> None:
    grows_linearly(conversation)


TEXT_SHAPES: dict[str, Callable[[int], str]] = {
    "a word": lambda n: "a" * n,
    "words": lambda n: "word " * n,
    "hyphens": lambda n: "a-" * n,
    "halves": lambda n: "\ud83d" * n,
    "blanks": lambda n: "\u200b " * n,
    "backslashes": lambda n: "\\" * n,
    "groups": lambda n: "(a" * n + ")+" * n,
    "open groups": lambda n: "((?" * n,
    "repetitions": lambda n: "a{1,9}" * n,
    "alternatives": lambda n: "a|b*" * n,
    "sets": lambda n: "[" * n + "]" * n,
    "names": lambda n: "(?<" * n,
}


def sized(text: str) -> int:
    try:
        return pattern_size(text)
    except NestedRepetition:
        return 0


# What is done with one text, whoever calls it.
TEXTS: dict[str, Callable[[str], object]] = {
    "blank?": is_blank,
    "quoted": quoted,
    "whole": whole,
    "for PostgreSQL": for_postgresql,
    "a pattern's size": sized,
    "least tokens": least_tokens,
    "a line of a log": cleaned,
    "rows": lambda text: list(chunks({"a": one} for one in text)),
}


@pytest.mark.parametrize("shape", TEXT_SHAPES)
@pytest.mark.parametrize("use", TEXTS)
def test_a_text_is_looked_at_in_steps_in_proportion_to_its_length(use: str, shape: str) -> None:
    def work(n: int) -> Callable[[], object]:
        text = TEXT_SHAPES[shape](n)
        return lambda: TEXTS[use](text)

    grows_linearly(work)


def patterns(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "pattern" and isinstance(value, str))
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from patterns(inner)


@pytest.mark.parametrize("name", NAMES)
def test_no_schemas_pattern_repeats_repetitions(name: str) -> None:
    for pattern in patterns(schemas.schema(name)):
        assert pattern_size(pattern) < 2000


def test_no_pattern_in_the_code_repeats_repetitions() -> None:
    source = Path(foreverus.__file__).parent
    calls = (node for path in source.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    found = [
        one.args[0].value
        for one in calls
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.args
        if getattr(one.func.value, "id", "") == "re" and isinstance(one.args[0], ast.Constant)
    ]
    assert len(found) > 20
    for pattern in found:
        pattern_size(pattern if isinstance(pattern, str) else pattern.decode())
