"""A batch's file: every way in which it can be wrong is named with its line, and costs nothing."""

import copy
import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreverus import ids
from foreverus.api import schemas
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.port import BackendName
from foreverus.batches.input.file_check import (
    ASSUMED_ANSWER_TOKENS,
    MAX_ERRORS,
    MAX_LINE_NUMBER,
    MAX_LINES,
    SHARD_BYTES,
    SHARD_LINES,
    Allowed,
    FileReport,
    validate,
)
from foreverus.batches.input.line_check import SCHEMAS
from foreverus.batches.input.lines import (
    CHAT,
    COMPLETIONS,
    MAX_LINE_BYTES,
    RawLine,
    read_shard,
    split,
)
from foreverus.batches.input.validation import Validator
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.model import new_batch
from foreverus.batches.records import Batch, BatchRef, BatchStatus, GpuOnly
from foreverus.errors import NotFound
from foreverus.files.records import MAX_FILE_BYTES
from foreverus.notifications.outbox import MemoryOutbox
from tests.unit.batches.altering import alter, known
from tests.unit.conftest import NOW

MODEL = "mistral"
FLAT_BYTES = 24 << 20  # what checking may hold, whatever the file: a few lines, 50,000 digests, 500 shards


def line(custom_id: str = "a", url: str = CHAT, **body: Any) -> str:
    asked = {"prompt": "x"} if url == COMPLETIONS else {"messages": [{"role": "user", "content": "x"}]}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": {"model": MODEL, **asked, **body}})


def check(*lines: str | bytes, endpoint: str = CHAT) -> FileReport:
    data = b"\n".join(one if isinstance(one, bytes) else one.encode() for one in lines)
    return validate(split([data]), endpoint, MODEL)


def found(report: FileReport) -> list[tuple[int | None, str, str | None]]:
    assert all(error.message for error in report.errors)
    return [(error.line, error.code, error.param) for error in report.errors]


def test_a_good_file_becomes_shards() -> None:
    report = check(line("a", max_tokens=5), "", line("b"))
    assert (report.errors, report.total) == ([], 2)
    (shard,) = report.shards
    assert (shard.number, shard.first_line, shard.lines, shard.start) == (0, 1, 2, 0)
    assert report.completion_tokens_limit == 5 + ASSUMED_ANSWER_TOKENS
    assert report.prompt_tokens_estimate == shard.prompt_tokens_estimate > 0


def test_every_parameter_of_the_contract_is_taken() -> None:
    sampling = {"temperature": 2, "top_p": 0, "presence_penalty": -2, "frequency_penalty": 2, "seed": -(2**63), "n": 1}
    rest = {"max_completion_tokens": 1, "stop": ["a", "b"], "stream": False, "user": "u"}
    formats = [{"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}, {"type": "text"}]
    parts = [{"role": "assistant", "content": [{"type": "text", "text": "x"}]}]
    chats = [line(str(n), **sampling, **rest, response_format=form) for n, form in enumerate(formats)]
    assert check(*chats, line("parts", messages=parts)).errors == []
    assert check(line(url=COMPLETIONS, **sampling, **rest), endpoint=COMPLETIONS).errors == []


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"max_tokens": 0}, "invalid_field", "body.max_tokens"),
        ({"max_tokens": True}, "invalid_field", "body.max_tokens"),
        ({"max_tokens": 1.5}, "invalid_field", "body.max_tokens"),
        ({"max_tokens": 10**400}, "invalid_field", "body.max_tokens"),
        ({"seed": 2**63}, "invalid_field", "body.seed"),
        ({"temperature": "hot"}, "invalid_field", "body.temperature"),
        ({"stop": ["a"] * 5}, "invalid_field", "body.stop"),
        ({"stop": [1]}, "invalid_field", "body.stop[0]"),
        ({"n": 2}, "invalid_field", "body.n"),
        ({"stream": True}, "invalid_field", "body.stream"),
        ({"response_format": {"type": "xml"}}, "invalid_field", "body.response_format.type"),
        ({"response_format": {}}, "missing_field", "body.response_format.type"),
        ({"messages": []}, "invalid_field", "body.messages"),
        ({"messages": "x"}, "invalid_field", "body.messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "invalid_field", "body.messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing_field", "body.messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "invalid_field", "body.messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "missing_field", "body.messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "text": ""}]}]},
            "missing_field",
            "body.messages[0].content[0].image_url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "missing_field",
            "body.messages[0].content[0].text",
        ),
        ({"messages": [{"role": "user", "content": "x", "id": "a"}]}, "unknown_parameter", "body.messages[0].id"),
        ({"tools": [{"type": "function"}]}, "invalid_field", "body.tools"),
        ({"audio": {"voice": "x"}}, "unsupported_parameter", "body.audio"),
        ({"prompt": "x"}, "unknown_parameter", "body.prompt"),
        ({"model": 5}, "invalid_field", "body.model"),
        ({"model": "gpt-4o"}, "mismatched_model", "body.model"),
        ({"y" * 5000: 1}, "unknown_parameter", "body." + "y" * 59 + "…"),
    ],
)
def test_a_wrong_body_is_named_by_its_parameter(body: dict[str, Any], code: str, param: str) -> None:
    report = check(line("good"), line("bad", **body))
    assert found(report) == [(2, code, param)]
    assert len(report.errors[0].message) < 500
    assert report.shards == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfe{\x00}\x00", "invalid_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"a": 1', "invalid_json"),
        (b"{'a': 1}", "invalid_json"),
        (b'{"a": 1} {"b": 2}', "invalid_json"),
        (b"[]", "invalid_json"),
        (b"null", "invalid_json"),
        (b"\x00", "invalid_json"),
        (b'\xef\xbb\xbf{"a": 1}', "invalid_json"),  # a byte order mark that is not the file's first
        (b'{"a": 1, "a": 2}', "invalid_json"),
        (b'{"a": {"b": 1, "b": 1}}', "invalid_json"),
        (b'{"a": NaN}', "invalid_json"),
        (b'{"a": -Infinity}', "invalid_json"),
        (b'{"a": 1e999}', "invalid_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"a": "\\ud800"}', "invalid_json"),
        (b'{"\\uDFFF": 1}', "invalid_json"),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", "invalid_json"),
        (b"[" * 500_000, "invalid_json"),
        (b'{"a":' * 100_000, "invalid_json"),
        (b"x" * (MAX_LINE_BYTES + 1), "line_too_long"),
        (b"x" * 10_000_000, "line_too_long"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(data: bytes, code: str) -> None:
    report = check(line("a"), data, line("b"), line("a"))
    assert found(report) == [(2, code, None), (4, "duplicate_custom_id", "custom_id")]


def test_nothing_that_strange_text_holds_is_refused() -> None:
    assert check(line("🙂", user="\u2028\x00 \ud83d\ude42")).errors == []
    assert check('{"custom_id": "\\ud83d\\ude42", ' + line()[len('{"custom_id": "a", ') :]).errors == []


def test_missing_fields_are_all_named() -> None:
    assert found(check("{}")) == [(1, "missing_field", name) for name in ("custom_id", "method", "url", "body")]
    assert [(code, param) for _, code, param in found(check(line(custom_id="")))] == [("invalid_field", "custom_id")]
    assert found(check(line(custom_id="x" * 257))) == [(1, "invalid_field", "custom_id")]
    assert check(line(custom_id="é" * 256)).errors == []


def test_a_line_of_another_endpoint_has_that_error_alone() -> None:
    report = check(line("a"), line("b", url=COMPLETIONS), line("c", url="/v1/embeddings"))
    assert found(report) == [(2, "mismatched_url", "url"), (3, "mismatched_url", "url")]


def test_mixed_models_are_told_from_unknown_ones() -> None:
    assert found(check(line("a", model="gpt-4o"), line("b"))) == [(1, "unknown_model", "body.model")]
    assert found(check(line("a"), line("b", model="gpt-4o"))) == [(2, "mismatched_model", "body.model")]


def test_a_duplicate_names_both_lines() -> None:
    report = check(line("same"), line("other"), line("same"))
    assert found(report) == [(3, "duplicate_custom_id", "custom_id")]
    assert "'same'" in report.errors[0].message and "line 1" in report.errors[0].message


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\r\n  \n"])
def test_a_file_without_a_line_is_empty(data: bytes) -> None:
    assert found(check(data)) == [(None, "empty_file", None)]


def test_bom_crlf_and_a_missing_last_break_are_fine() -> None:
    text = "\ufeff" + "\r\n".join([line("a"), line("b"), line("c")])
    data = text.encode()
    report = validate(split([data]), CHAT, MODEL)
    assert (report.errors, report.total) == ([], 3)
    (shard,) = report.shards
    lines = read_shard(data[shard.start : shard.end], shard.first_line)
    assert [one.custom_id for one in lines] == ["a", "b", "c"]


def test_the_first_hundred_errors_are_kept_and_all_are_counted() -> None:
    report = check(*["nonsense"] * (MAX_ERRORS + 50))
    assert (len(report.errors), report.errors_total) == (MAX_ERRORS, MAX_ERRORS + 50)
    assert [error.line for error in report.errors] == list(range(1, MAX_ERRORS + 1))


def test_one_line_cannot_fill_the_list() -> None:
    message = {"role": "nobody", "content": 5}
    assert len(check(line(messages=[message] * 300)).errors) == 10
    assert len(check(line(messages=[message] * 3000)).errors) == 1  # a long line: the first


def numbered(count: int) -> Iterator[bytes]:
    before, after = line("NUMBER").encode().split(b"NUMBER")
    for number in range(count):
        yield before + str(number).encode() + after + b"\n"


def test_one_bad_line_among_fifty_thousand_is_found() -> None:
    chunks = chain(numbered(MAX_LINES - 1), [b'{"custom_id": "last"}'])
    report = validate(split(chunks), CHAT, MODEL)
    assert found(report) == [(MAX_LINES, "missing_field", name) for name in ("method", "url", "body")]


def test_as_many_lines_as_allowed_are_read_and_no_more() -> None:
    def endless() -> Iterator[RawLine]:
        for number in range(1, MAX_LINES + 2):
            yield RawLine(number, 0, 1, b"nonsense")
        raise AssertionError("read on")

    report = validate(endless(), CHAT, MODEL)
    assert (report.total, report.errors_total) == (MAX_LINES, MAX_LINES + 1)
    report = validate(split(numbered(MAX_LINES + 1)), CHAT, MODEL)
    assert found(report) == [(MAX_LINES + 1, "too_many_lines", None)]


def test_a_file_of_line_breaks_is_not_read_to_its_end() -> None:
    def breaks() -> Iterator[RawLine]:
        for number in range(1, MAX_LINE_NUMBER + 2):
            yield RawLine(number, number - 1, number, b"")
        raise AssertionError("read on")

    assert found(validate(breaks(), CHAT, MODEL)) == [(MAX_LINE_NUMBER + 1, "too_many_lines", None)]


def peak_bytes(chunks: Iterator[bytes]) -> tuple[int, FileReport]:
    tracemalloc.start()
    try:
        report = validate(split(chunks), CHAT, MODEL)
        return tracemalloc.get_traced_memory()[1], report
    finally:
        tracemalloc.stop()


def test_memory_is_flat_for_the_most_lines() -> None:
    """A tenth of them and of the bound: tracing makes it ten times slower, and what is kept is kept by line."""
    tenth = MAX_LINES // 10
    peak, report = peak_bytes(numbered(tenth))
    assert (report.errors, report.total, len(report.shards)) == ([], tenth, tenth // SHARD_LINES)
    assert peak < FLAT_BYTES // 10


def test_memory_is_flat_for_the_largest_file() -> None:
    lines = MAX_FILE_BYTES // MAX_LINE_BYTES
    before, after = line("NUMBER", user="x" * (MAX_LINE_BYTES - 1000)).encode().split(b"NUMBER")
    chunks = (before + str(number).encode() + after + b"\n" for number in range(lines))
    peak, report = peak_bytes(chunks)
    assert (report.errors, report.total) == ([], lines)
    assert peak < FLAT_BYTES


@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 3)), min_size=1, max_size=12), st.booleans())
def test_shards_hold_every_line_once_and_stay_small(sizes: list[tuple[int, int]], crlf: bool) -> None:
    end = "\r\n" if crlf else "\n"
    text = "".join(line(str(n), user="x" * size) + end * (1 + blank) for n, (size, blank) in enumerate(sizes))
    data = text.encode()
    report = validate(split([data]), CHAT, MODEL)
    read = [one for s in report.shards for one in read_shard(data[s.start : s.end], s.first_line)]
    assert [one.custom_id for one in read] == [str(n) for n in range(len(sizes))]
    every = [one for one in split([data]) if one.data]
    assert [one.number for one in read] == [one.number for one in every]
    for shard in report.shards:
        assert shard.lines <= SHARD_LINES
        assert shard.end - shard.start <= SHARD_BYTES or shard.lines == 1
    assert sum(shard.lines for shard in report.shards) == report.total == len(sizes)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["custom_id", "body", "url"]), inner)
        ),
        max_leaves=20,
    )
)
def test_any_json_is_checked_without_failing(value: Any) -> None:
    """One line is good, or it has errors that can be read; nothing raises."""
    text = json.dumps(value)
    for endpoint in (CHAT, COMPLETIONS):
        report = check(text, endpoint=endpoint)
        assert report.errors and all(error.code and error.message for error in report.errors)
        json.dumps([asdict(error) for error in report.errors]).encode()


values = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, -2, 1.0, 0.5, 10**6, 10**6 + 1, 2**63, "", "x", "text", "user", "POST", CHAT, [], {}])
    | st.just([{"role": "user", "content": "x"}])
    | st.just([{"role": "user", "content": [{"type": "text", "text": "x"}]}])
    | st.lists(st.sampled_from(["a", 1, None]), max_size=5)
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "json_schema", "x", 1])}, optional={"json_schema": st.just({})}
    )
    | st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["user", "tool", 1]), "content": st.sampled_from(["x", [], [1], None])},
            optional={"name": st.just("x")},
        ),
        max_size=2,
    )
)
names = [*schemas.schema("chat_line")["properties"]["body"]["properties"], "prompt", "unknown"]


@settings(max_examples=400)
@given(
    st.sampled_from([CHAT, COMPLETIONS]),
    st.dictionaries(st.sampled_from(names), values, max_size=4),
    st.dictionaries(st.sampled_from(["custom_id", "method", "url", "body", "unknown"]), values, max_size=1),
    st.sampled_from([None, *names]),
)
def test_the_quick_check_and_the_one_that_explains_agree(
    endpoint: str, body: dict[str, Any], outside: dict[str, Any], without: str | None
) -> None:
    made = json.loads(line(url=endpoint, **body)) | outside
    if isinstance(made["body"], dict):
        made["body"].pop(without, None)
    before = copy.deepcopy(made)
    assert (schemas.first_error(SCHEMAS[endpoint])(made) is None) == schemas.validator(SCHEMAS[endpoint]).is_valid(made)
    assert made == before


# Where libraries differ: booleans are numbers in Python, 1.0 is an integer in JSON Schema, and numbers may be huge.
ODD = [True, False, 1, 0, 1.0, 0.0, -0.0, 1.5, 10**400, -(2**63), 2**63 - 1, 2**63, float(2**63), None, "1", [], {}]


@pytest.mark.parametrize("name", names)
@pytest.mark.parametrize("value", [*ODD, [True], [1.0], {"type": True}, "x" * 300], ids=lambda value: repr(value)[:20])
def test_they_agree_on_odd_values_too(name: str, value: Any) -> None:
    for endpoint, schema in SCHEMAS.items():
        made = json.loads(line(url=endpoint)) | {"custom_id": "🙂" * 256}
        made["body"][name] = value
        assert (schemas.first_error(schema)(made) is None) == schemas.validator(schema).is_valid(made)
        made |= {"custom_id": value, "url": value}
        assert schemas.first_error(schema)(made) and not schemas.validator(schema).is_valid(made)


@given(st.binary())
def test_any_bytes_are_checked_without_failing(data: bytes) -> None:
    assert check(data).errors


REF = BatchRef("ana", "batch_1")


class World:
    def __init__(self, data: bytes | None = None, metadata: dict[str, str] | None = None) -> None:
        self.outbox = MemoryOutbox()
        self.store, self.objects = MemoryBatches(), MemoryObjects(lambda: NOW)
        request = {"input_file_id": "file_1", "endpoint": CHAT, "completion_window": "24h"}
        self.batch = new_batch("batch_1", "ana", request | {"metadata": metadata}, NOW)
        self.store.create(self.batch)
        if data is not None:
            self.objects.put(self.batch.input_key, data)

    def run(self, clock: Callable[[], datetime] = lambda: NOW) -> dict[str, Any]:
        return Validator(self.store, self.objects, self.outbox, MODEL, clock, 8192).run(REF)

    @property
    def record(self) -> Batch:
        return known(self.store, REF)


GOOD = "\n".join(line(str(n)) for n in range(250)).encode()


def test_a_file_that_takes_longer_than_a_lambda_fails_with_the_line_that_was_reached() -> None:
    world = World(GOOD)
    minutes = count()
    assert world.run(lambda: NOW + timedelta(minutes=next(minutes))) == {"valid": False, "lines": 0}
    (error,) = world.record.errors
    assert (error.code, error.line, world.record.status) == ("file_too_large", 12, "failed")
    assert "line 12" in error.message and "12 minutes" in error.message
    assert world.run() == {"valid": False, "lines": 0}  # and nobody begins it anew


def test_of_a_long_line_and_beyond_the_errors_that_are_kept_the_first_thing_is_told() -> None:
    long = line("a", seed="x", n=2, user="u" * schemas.LONG_BYTES)
    assert [(e.code, e.param) for e in check(long).errors] == [("invalid_field", "body.seed")]
    many = [line(str(n), x=1, y=2) for n in range(200)]
    report = check(*many)
    assert len(report.errors) == MAX_ERRORS and report.errors_total == 100 + 150
    assert report.errors[-1].line == 50


def test_a_valid_batch_is_in_progress_with_its_shards() -> None:
    world = World(GOOD)
    assert world.run() == {"valid": True, "lines": 250}
    record = world.record
    assert (record.status, record.total, record.model) == ("in_progress", 250, MODEL)
    assert (record.round, record.in_progress_at) == (0, ids.timestamp(NOW))
    assert [(s.lines, s.status) for s in world.store.shards("batch_1")] == [
        (100, "waiting"),
        (100, "waiting"),
        (50, "waiting"),
    ]


def test_a_run_that_was_lost_before_its_last_write_is_run_again() -> None:
    world = World(GOOD)
    world.run()
    alter(world.store, REF, status=BatchStatus.VALIDATING, total=None)
    assert world.run() == {"valid": True, "lines": 250}


def test_running_it_again_changes_nothing() -> None:
    world = World(GOOD)
    world.run()
    alter(world.store, REF, status=BatchStatus.FINALIZING, round=2)
    before = world.record
    assert world.run() == {"valid": True, "lines": 250}
    assert world.record == before
    bad = World(b"nonsense")
    bad.run()
    before = bad.record
    assert bad.run() == {"valid": False, "lines": 0}
    assert bad.record == before


def test_an_invalid_file_ends_the_batch_with_its_errors() -> None:
    world = World(GOOD + b"\nnonsense")
    assert world.run() == {"valid": False, "lines": 0}
    record = world.record
    assert (record.status, record.ended_at) == ("failed", ids.timestamp(NOW))
    assert [(error.line, error.code) for error in record.errors] == [(251, "invalid_json")]
    assert world.store.shards("batch_1") == []
    assert world.objects.size("batches/batch_1/input.jsonl") is None


def test_a_batch_whose_copy_is_gone_ends_and_says_so() -> None:
    gone = World()
    assert gone.run() == {"valid": False, "lines": 0}
    assert [(error.code, error.param) for error in gone.record.errors] == [("file_not_found", "input_file_id")]


def test_a_batch_that_is_cancelled_meanwhile_keeps_its_lines_for_its_end() -> None:
    world = World(GOOD)
    alter(world.store, REF, status=BatchStatus.CANCELLING)
    assert world.run() == {"valid": True, "lines": 250}
    assert (world.record.status, world.record.total) == ("cancelling", 250)
    assert len(world.store.shards("batch_1")) == 3


def test_a_batch_that_is_not_there_is_an_error() -> None:
    world = World(GOOD)
    world.store.discard(REF)
    with pytest.raises(NotFound):
        world.run()


BEDROCK_ALONE = Allowed(frozenset({BackendName.BEDROCK}), 8192)
GPU_NEEDED: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 1.3}, "body.temperature"),
    ({"response_format": {"type": "json_object"}}, "body.response_format"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
        "body.response_format",
    ),
    ({"presence_penalty": 0.5}, "body.presence_penalty"),
    ({"seed": 7}, "body.seed"),
    ({"seed": 0, "temperature": 0.1}, "body.seed"),
    ({"frequency_penalty": -1}, "body.frequency_penalty"),
    ({"messages": [{"role": "user", "content": "Oi"}, {"role": "assistant", "content": "Ol"}]}, "body.messages"),
    ({"messages": [{"role": "assistant", "content": "Oi"}, {"role": "user", "content": "Olá"}]}, "body.messages"),
]


@pytest.mark.parametrize(("body", "param"), GPU_NEEDED, ids=lambda value: str(value)[:40])
def test_a_line_that_only_a_gpu_can_answer_is_noted_in_a_mixed_file(body: dict[str, Any], param: str) -> None:
    report = check(line("plain"), line("needs", **body), line("also", temperature=1.5))
    assert report.errors == [] and report.gpu_only == GpuOnly(param, 2)
    assert check(line("plain", seed=7, temperature=0, user="u", presence_penalty=0)).gpu_only is None


@pytest.mark.parametrize(("body", "param"), GPU_NEEDED, ids=lambda value: str(value)[:40])
def test_it_is_refused_before_spending_where_only_bedrock_is_allowed(body: dict[str, Any], param: str) -> None:
    data = "\n".join([line("plain"), line("needs", **body)]).encode()
    report = validate(split([data]), CHAT, MODEL, BEDROCK_ALONE)
    assert found(report) == [(2, "unsupported_parameter", param)]
    assert "`gpu`" in report.errors[0].message and "Bedrock" in report.errors[0].message
    assert report.shards == []


@pytest.mark.parametrize(
    ("endpoint", "body", "param"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "word " * 30_000}]}, "body.messages"),
        (CHAT, {"messages": [{"role": "user", "content": "word " * 5_000}] * 2}, "body.messages"),
        (COMPLETIONS, {"prompt": "word " * 8_192}, "body.prompt"),
    ],
)
def test_what_cannot_fit_the_context_is_refused_before_spending(
    endpoint: str, body: dict[str, Any], param: str
) -> None:
    data = line("long", url=endpoint, **body).encode()
    report = validate(split([data]), endpoint, MODEL, Allowed(context_tokens=8192))
    assert found(report) == [(1, "context_length_exceeded", param)]
    assert "8,192" in report.errors[0].message


@pytest.mark.parametrize("content", ["", "  \n", "\u200b", [{"type": "text", "text": ""}]])
def test_a_line_without_text_asks_nothing(content: Any) -> None:
    assert found(check(line(messages=[{"role": "user", "content": content}]))) == [
        (1, "invalid_field", "body.messages")
    ]
    system = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
    assert check(line(messages=system)).errors == []


def test_a_limit_beyond_the_context_counts_as_what_fits() -> None:
    report = validate(split([line(max_tokens=10_000).encode()]), CHAT, MODEL, Allowed(context_tokens=2048))
    assert report.errors == [] and report.completion_tokens_limit == 2048


NEEDS_GPU = "\n".join([line("plain"), line("hot", temperature=1.3)]).encode()


@pytest.mark.parametrize("backend", ["auto", "gpu"])
def test_the_record_keeps_what_only_a_gpu_can_do(backend: str) -> None:
    made = World(NEEDS_GPU, metadata={"backend": backend})
    assert made.run()["valid"]
    assert made.record.gpu_only == GpuOnly("body.temperature", 2)


def test_a_batch_for_bedrock_alone_fails_before_anything_is_spent() -> None:
    made = World(NEEDS_GPU, metadata={"backend": "bedrock"})
    assert not made.run()["valid"]
    (error,) = made.record.errors
    assert (error.code, error.param, error.line) == ("unsupported_parameter", "body.temperature", 2)
    assert made.record.status == "failed" and made.store.shards("batch_1") == []
