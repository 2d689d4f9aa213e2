"""Whatever lines stand in a file: none costs its neighbours their answer or their place, and none stops the round."""

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus.backends.memory import MemoryEngine
from foreverus.batches.finishing import file_ids
from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import split
from foreverus.batches.input.validation import Validator
from foreverus.batches.model import new_batch
from foreverus.batches.records import BatchStatus
from foreverus.batches.shards.lookahead import LookAhead
from foreverus.batches.shards.resources import ShardJob, ShardResources
from foreverus.batches.shards.run import ShardRun, StopReason
from foreverus.files.records import object_key
from foreverus.worker.contact import Contact, RunInline
from tests.unit.api.test_any_request import TEXT, VALUE
from tests.unit.batches.altering import alter
from tests.unit.batches.shards.test_run import Slots
from tests.unit.batches.test_finishing import MODEL, REF, World
from tests.unit.conftest import NOW
from tests.unit.worker.harness import JumpingLoop

CHAT = "/v1/chat/completions"
# What cuts lines, blanks them or is no character, beside whatever hypothesis thinks of.
STRANGE = st.sampled_from(
    ["a\u2028b", "c\u0085d", "\u0000", "\x1c", "\ufeff", "\u200b", "é\u0301", "{", '"', "\\", "\r"]
)
WORDS = st.text(min_size=1, max_size=12) | STRANGE
OPTION = st.sampled_from(["max_tokens", "temperature", "top_p", "stop", "seed", "n", "user", "response_format", "name"])


@st.composite
def asked(draw: st.DrawFn) -> bytes:
    """A line that is good, or nearly."""
    content = f"q{draw(WORDS)}" if draw(st.integers(0, 9)) else draw(WORDS)
    body: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": content}], "max_tokens": 9}
    if draw(st.integers(0, 9)) == 0:
        body |= draw(st.dictionaries(OPTION, VALUE, max_size=2))
    name = f"{draw(st.integers())}{draw(WORDS)}" if draw(st.integers(0, 9)) else draw(WORDS)
    line = {"custom_id": name, "method": "POST", "url": CHAT, "body": body}
    return json.dumps(line, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


# Good ones mostly: a file with one bad line is refused as a whole.
LINES = st.lists(asked(), min_size=1, max_size=8) | st.lists(
    asked()
    | st.binary(max_size=30)
    | VALUE.map(json.dumps).map(str.encode)
    | TEXT.map(lambda t: t.encode("utf-8", "replace")),
    min_size=1,
    max_size=5,
)


def submitted(data: bytes) -> World:
    made = World()
    request = {"input_file_id": "file_in", "endpoint": CHAT, "completion_window": "24h"}
    made.objects.put(object_key("ana", "file_in"), data)
    made.store.create(new_batch("batch_1", "ana", request, NOW))
    return made


def answer(batch: World) -> None:
    """Every shard, on an engine that repeats what it is asked."""
    alter(batch.store, REF, round=1)

    async def lives(suspicion: str) -> bool:
        return True

    async def every() -> None:
        resources = ShardResources(
            answered_by="ses_1",
            backend=MemoryEngine(),
            admission=Slots(),
            backend_lives=lives,
            batches=batch.store,
            objects=batch.objects,
            run_blocking=RunInline(Contact()),
            clock=lambda: NOW,
            slots=4,
        )
        for shard in batch.store.shards(REF.batch_id):
            job = ShardJob(REF, 1, shard, batch.record().input_key)
            assert await ShardRun(resources, job, LookAhead(4).reserve()).run() is StopReason.FINISHED

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(every())


def written(batch: World, which: int) -> bytes:
    return batch.objects.held.get(object_key("ana", file_ids("batch_1")[which]), b"")


def read(data: bytes) -> list[dict[str, Any]]:
    """As people do: `splitlines` of text cuts at a dozen characters."""
    return [json.loads(line) for line in data.decode().splitlines()]


@settings(
    derandomize=True, database=None, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
@given(LINES)
def test_every_line_has_its_answer_or_its_own_error(lines: list[bytes]) -> None:
    batch = submitted(b"\n".join(lines))
    result = Validator(batch.store, batch.objects, batch.outbox, MODEL, lambda: NOW).run(REF)
    if not result["valid"]:
        record = batch.record()
        assert record.status is BatchStatus.FAILED and record.errors
        assert all(error.code and error.message for error in record.errors)
        return
    answer(batch)
    batch.finisher().finish(REF, BatchStatus.COMPLETED)
    output, errors = written(batch, 0), written(batch, 1)
    expected = [json.loads(line) for line in b"\n".join(lines).split(b"\n") if line.strip()]
    assert [one["custom_id"] for one in read(output)] == [one["custom_id"] for one in expected]
    for line, one in zip(expected, read(output), strict=True):
        said = one["response"]["body"]["choices"][0]["message"]["content"]
        assert said == f"You said: {line['body']['messages'][-1]['content']}"
    assert errors == b""


@settings(
    derandomize=True, database=None, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
@given(LINES)
def test_a_line_is_blamed_for_itself_alone(lines: list[bytes]) -> None:
    """But for a custom_id that an earlier line has."""
    whole = [line for line in lines if b"\n" not in line]
    errors = validate(split([b"\n".join(whole)]), CHAT, MODEL).errors
    found = {
        error.line for error in errors if error.line and error.code not in ("duplicate_custom_id", "mismatched_model")
    }
    if len(errors) == 100:
        return  # more were found than are listed
    for number, line in enumerate(whole, start=1):
        alone = {error.code for error in validate(split([line]), CHAT, MODEL).errors} - {"empty_file"}
        assert (number in found) == bool(alone), (number, line, errors)
