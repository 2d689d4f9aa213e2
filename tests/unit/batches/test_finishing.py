"""The end of a batch: every line once and in order, a terminal status, and words that tell nobody's secrets."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreverus import ids
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.port import TokenUsage
from foreverus.batches.cost import BatchCosts, Rates
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.finishing import BatchEnd, Finisher, file_ids
from foreverus.batches.input.validation import Validator
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.model import new_batch
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.records import (
    Batch,
    BatchRef,
    BatchStatus,
    BatchTrigger,
    ErrorEntry,
    LineError,
    LineResult,
    ShardProgress,
)
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.prices import TokenPrice, bedrock_price
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import NotFound
from foreverus.files.records import File, object_key
from foreverus.files.store import MemoryFiles
from foreverus.notifications.notification import MemoryNotifier
from foreverus.notifications.outbox import MemoryOutbox, OutboxEntry, Subject
from foreverus.sessions.records import Session
from foreverus.sweeps.files import ExpiredFiles
from tests.unit.batches.altering import alter, known, next_round
from tests.unit.conftest import NOW, launch_item, session_record

REF = BatchRef("ana", "batch_1")
MODEL = "mistral-7b"
RATES = Rates("us-east-1", 2, TokenPrice(0.15, 0.20, "test"))
AT = ids.timestamp(NOW)


@dataclass
class Sessions:
    known: dict[str, Session] = field(default_factory=dict)

    def get(self, session_id: str) -> Session | None:
        return self.known.get(session_id)

    def newest(self, limit: int) -> list[Session]:
        return sorted(self.known.values(), key=lambda one: one.session_id, reverse=True)[:limit]


@dataclass
class World:
    """A batch whose input has passed its validation, and what finishes it."""

    store: MemoryBatches = field(default_factory=MemoryBatches)
    objects: MemoryObjects = field(default_factory=lambda: MemoryObjects(lambda: NOW))
    files: MemoryFiles = field(default_factory=MemoryFiles)
    sessions: Sessions = field(default_factory=Sessions)
    purse: MemoryPurse = field(default_factory=lambda: MemoryPurse(20.0))
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)

    def finisher(self) -> Finisher:
        later = NOW + timedelta(minutes=20)
        costs = BatchCosts(self.sessions, RATES, lambda: later)
        return Finisher(
            store=self.store,
            objects=self.objects,
            files=self.files,
            costs=costs,
            purse=self.purse,
            outbox=self.outbox,
            clock=lambda: later,
        )

    def record(self) -> Batch:
        return known(self.store, REF)

    def written(self, kind: str) -> list[dict[str, Any]]:
        """The lines of the output or the error file."""
        file_id = file_ids("batch_1")[kind == "error"]
        data = self.objects.held.get(object_key("ana", file_id), b"")
        return [json.loads(line) for line in data.splitlines()]

    def finish(self, number: int, **line: Any) -> None:
        """As a worker does; `number` is the line's, from 1."""
        before = [one for one in self.store.shards("batch_1") if one.first_line <= number]
        answer = {"text": f"answer {number}", "finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 5}
        kept = LineResult(number, f"c{number}", **{"by": "ses_1", "at": AT, **(line or answer)})
        self.store.keep_results("batch_1", before[-1].number, [kept], NOW)


def jsonl(numbers: list[int], blank: set[int]) -> bytes:
    def line(number: int) -> str:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "?"}], "max_tokens": 9}
        one = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        return "" if number in blank else json.dumps(one)

    return "\n".join(line(number) for number in numbers).encode() + b"\n"


def world(lines: int = 3, blank: frozenset[int] = frozenset(), validated: bool = True) -> World:
    made = World()
    request = {
        "input_file_id": "file_in",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"team": "blue"},
    }
    made.objects.put("batches/batch_1/input.jsonl", jsonl(list(range(1, lines + 1)), set(blank)))
    made.store.create(new_batch("batch_1", "ana", request, NOW))
    if validated:
        assert Validator(made.store, made.objects, made.outbox, MODEL, lambda: NOW).run(REF)["valid"]
    return made


def paid(lines: int = 3) -> World:
    """A session was bought for it, and failed."""
    made = world(lines)
    failed = session_record("ses_9", trigger="batch", batch_id="batch_1", receipt={"total_usd": 0.05})
    made.sessions.known["ses_9"] = failed
    return made


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[int, frozenset[int], dict[int, str], str]:
    """(lines of the file, blank ones, what became of the others, how the batch ends)."""
    count = draw(st.integers(1, 250))  # up to three shards
    blank = draw(st.frozensets(st.integers(2, count), max_size=count // 2)) if count > 1 else frozenset()
    outcomes = draw(
        st.dictionaries(
            st.integers(1, count).filter(lambda n: n not in blank),
            st.sampled_from(["answer", "engine_failed", "context_length_exceeded"]),
            max_size=count,
        )
    )
    return count, blank, outcomes, draw(st.sampled_from(["completed", "expired", "cancelled", "failed"]))


@settings(deadline=None, max_examples=60)
@given(mixtures())
def test_every_line_is_written_once_and_in_order(mixture: tuple[int, frozenset[int], dict[int, str], str]) -> None:
    count, blank, outcomes, status = mixture
    batch = world(count, blank)
    for number, outcome in outcomes.items():
        if outcome == "answer":
            batch.finish(number)
        else:
            batch.finish(number, error=LineError(outcome, "no"))
    batch.finisher().finish(REF, BatchStatus(status))

    answered, refused = batch.written("output"), batch.written("error")
    assert [one["custom_id"] for one in answered] == [f"c{n}" for n in sorted(outcomes) if outcomes[n] == "answer"]
    expected = [n for n in range(1, count + 1) if n not in blank and outcomes.get(n) != "answer"]
    assert [one["custom_id"] for one in refused] == [f"c{n}" for n in expected]
    unanswered = {"expired": "batch_expired", "cancelled": "batch_cancelled"}.get(status, "batch_failed")
    assert [one["error"]["code"] for one in refused] == [outcomes.get(n, unanswered) for n in expected]

    record = batch.record()
    assert record.status == status
    assert (record.result.completed, record.result.failed) == (len(answered), len(refused))
    assert record.total == len(answered) + len(refused)
    assert record.result.usage == TokenUsage(3 * len(answered), 5 * len(answered))
    kept = {one.file_id: one.bytes for one in batch.files.records.values()}
    ids = [record.result.output_file_id, record.result.error_file_id]
    assert kept == {one: batch.objects.size(object_key("ana", one)) for one in ids if one}
    assert [one is None for one in ids] == [not answered, not refused]


def test_finishing_twice_changes_nothing_and_tells_the_same() -> None:
    batch = world()
    batch.finish(1)
    first = batch.finisher().finish(REF, BatchStatus.EXPIRED)
    record, held = batch.record(), dict(batch.objects.held)
    batch.finish(2)  # a worker that had not heard of it
    again = replace(batch.finisher(), clock=lambda: NOW + timedelta(days=1)).finish(
        REF, BatchStatus.FAILED, ExecutionError("Late")
    )
    assert again == first
    assert (batch.record(), batch.objects.held) == (record, held)


def test_a_notification_is_owed_before_the_end_is_written() -> None:
    class Crash(Exception):
        pass

    class Crashing(MemoryOutbox):
        def add(self, entry: OutboxEntry) -> None:
            super().add(entry)
            raise Crash

    over, crashing, unsent = paid(2), Crashing(), [OutboxEntry(Subject.BATCHES, "batch_1", "ana")]
    with pytest.raises(Crash):
        replace(over.finisher(), outbox=crashing).finish(REF, BatchStatus.COMPLETED)
    assert (over.record().status, crashing.entries(Subject.BATCHES)) == ("in_progress", unsent)
    over.finisher().finish(REF, BatchStatus.COMPLETED)
    assert over.outbox.entries(Subject.BATCHES) == unsent, "who finishes it notifies people, and removes it"


def test_a_crash_between_the_files_and_the_status_is_mended_with_the_same_files() -> None:
    batch = world()
    batch.finish(1)

    class Crashing(MemoryFiles):
        def put(self, file: File) -> bool:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        replace(batch.finisher(), files=Crashing()).finish(REF, BatchStatus.EXPIRED)
    assert batch.record().status == "finalizing"
    assert batch.finisher().finish(REF, BatchStatus.EXPIRED).status == "expired"
    assert (batch.record().result.output_file_id, batch.record().result.error_file_id) == file_ids("batch_1")
    assert len(batch.written("output")) + len(batch.written("error")) == 3


def test_its_files_expire_when_it_was_asked_for_that_also_after_a_crash() -> None:
    batch = world()
    alter(batch.store, REF, output_expires_s=3600)
    batch.finish(1)

    class Crashing(MemoryFiles):
        def put(self, file: File) -> bool:
            raise ConnectionError

    crashing = Crashing()
    with pytest.raises(ConnectionError):
        replace(batch.finisher(), files=crashing).finish(REF, BatchStatus.EXPIRED)
    assert {one.file_id for one in crashing.expiring} == set(file_ids("batch_1")), "noted before there is anything"
    batch.finisher().finish(REF, BatchStatus.EXPIRED)
    made = NOW + timedelta(minutes=20)
    for file_id in file_ids("batch_1"):
        file = batch.files.get("ana", file_id)
        assert file and file.expires_at == ids.timestamp(made + timedelta(hours=1)) and file.bytes
    duty = ExpiredFiles(batch.files, batch.objects, lambda: made + timedelta(hours=1), lambda file: file)
    assert [repair.run() for repair in duty()] == ["deleted", "deleted"]
    assert (batch.files.records, batch.objects.held) == ({}, {})


def test_a_cancellation_wins_over_every_other_end() -> None:
    batch = world()
    alter(batch.store, REF, status=BatchStatus.CANCELLING)
    assert batch.finisher().finish(REF, BatchStatus.COMPLETED).status == "cancelled"
    assert {one["error"]["code"] for one in batch.written("error")} == {"batch_cancelled"}


def test_a_cancellation_while_the_files_are_written_is_not_lost() -> None:
    batch = world()

    class Slow(MemoryFiles):
        def put(self, file: File) -> bool:
            assert batch.record().status is BatchStatus.FINALIZING
            alter(batch.store, REF, status=BatchStatus.CANCELLING)
            return super().put(file)

    result = replace(batch.finisher(), files=Slow()).finish(REF, BatchStatus.COMPLETED)
    assert result.status == batch.record().status == "cancelled"


def test_a_batch_that_never_passed_its_validation_has_no_files() -> None:
    batch = world(validated=False)
    done = batch.finisher().finish(REF, BatchStatus.FAILED, ExecutionError("Lambda.Unknown", "it broke"))
    assert done.status == "failed"
    assert batch.record().errors == (ErrorEntry("lambda_unknown", "it broke"),)
    assert batch.files.records == {}
    assert done.notification is None, "it cost nothing: whoever asked for it sees that"


def test_a_copy_of_the_input_that_is_gone_keeps_no_batch_from_its_end() -> None:
    batch = world()
    batch.finish(1)
    batch.objects.delete(batch.record().input_key)
    assert batch.finisher().finish(REF, BatchStatus.EXPIRED).status == "expired"
    assert [one["custom_id"] for one in batch.written("output")] == ["c1"]
    assert batch.record().result.failed == 2
    assert batch.record().errors[0].code == "input_lost"


def test_nobody_finishes_a_batch_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        World().finisher().finish(REF, BatchStatus.FAILED)


def test_the_promise_and_the_token_are_gone() -> None:
    batch = world()
    batch.store.begin_round(REF, next_round(1))
    batch.store.offer(REF, 1, "token", NOW)
    batch.finisher().finish(REF, BatchStatus.EXPIRED)
    assert batch.store.pending.batches() == []
    assert not batch.record().task_token


def on_gpu(batch: World, lines: int) -> None:
    """As many lines answered by ses_1, each in half a second of a slot."""
    for number in range(1, lines + 1):
        batch.finish(number)
    batch.store.progress(
        REF,
        0,
        ShardProgress(
            completed=lines, prompt_tokens=3, completion_tokens=5, session_id="ses_1", slot_seconds=0.5 * lines
        ),
        done=True,
    )
    bought = launch_item(launched_at=AT, price_per_hour_usd=0.4, price_source="test")
    boot = {"created_at": AT, "healthy_at": ids.timestamp(NOW + timedelta(seconds=90)), "instance_type": "g6.xlarge"}
    batch.sessions.known["ses_1"] = session_record("ses_1", launches=[bought], **boot)
    batch.store.worked_on(REF.batch_id, 0, "ses_1")


def test_what_it_cost_and_how_fast_it_was_is_noted_for_the_next_choice() -> None:
    batch = world(lines=8)
    on_gpu(batch, 8)
    batch.finisher().finish(REF, BatchStatus.COMPLETED)
    assert batch.record().result.cost_usd == pytest.approx(4.0 / 2 / 3600 * 0.4, abs=1e-6)
    # Eight answers of five tokens in four seconds of two slots: 20 tokens/s.
    assert batch.store.speed("g6.xlarge") == LearnedSpeed(20.0, 90.0)
    assert batch.store.speed("bedrock") == LearnedSpeed()


def test_how_fast_a_gpu_writes_is_not_learned_from_a_batch_with_images() -> None:
    batch = world(lines=8)
    alter(batch.store, REF, images_line=1, gpu_sees=True)
    on_gpu(batch, 8)
    batch.finisher().finish(REF, BatchStatus.COMPLETED)
    assert batch.store.speed("g6.xlarge") == LearnedSpeed(None, 90.0)


def test_a_session_that_failed_before_it_answered_anything_is_paid_by_its_batch() -> None:
    batch = world()
    failed = session_record("ses_9", trigger="batch", batch_id="batch_1", receipt={"total_usd": 0.05})
    batch.sessions.known["ses_9"] = failed
    batch.finisher().finish(REF, BatchStatus.FAILED)
    assert batch.record().result.cost_usd == 0.05


def test_bedrocks_speed_is_learned_from_what_it_answered() -> None:
    batch = world(lines=64)
    for number in range(1, 65):
        at = ids.timestamp(NOW + timedelta(seconds=number / 8))
        batch.finish(number, text="!", finish_reason="stop", prompt_tokens=1, completion_tokens=9, by="bedrock", at=at)
    done = batch.finisher().finish(REF, BatchStatus.COMPLETED)
    assert batch.store.speed("bedrock").tokens_per_second == pytest.approx(64 * 9 / (63 / 8), abs=0.01)
    assert done.notification and "Bedrock" in done.notification.message


def test_sessions_that_cannot_be_read_leave_the_cost_unknown_and_the_batch_complete() -> None:
    class Broken(Sessions):
        def newest(self, limit: int) -> list[Session]:
            raise ConnectionError

    batch = world(lines=1)
    batch.finish(1)
    costs = BatchCosts(Broken(), RATES, lambda: NOW)
    done = replace(batch.finisher(), costs=costs).finish(REF, BatchStatus.COMPLETED)
    assert done.status == "completed"
    assert done.notification and "cost unknown" in done.notification.subject


def test_people_are_told_what_happened_and_never_what_was_written() -> None:
    batch = world(lines=8)
    on_gpu(batch, 8)
    notification = batch.finisher().finish(REF, BatchStatus.COMPLETED).notification
    assert notification and notification.subject == "Forever Us: batch completed, 8 of 8 answered, US$ 0.0002"
    for word in ("batch_1", "8 of 8 answered", "24 in, 40 out", "Minutes:   20.0", "GPU", file_ids("batch_1")[0]):
        assert word in notification.message
    assert "answer" not in notification.message.replace("answered", "")
    assert "c1" not in notification.message


def test_a_bad_file_is_told_by_its_codes_alone() -> None:
    batch = world(validated=False)
    alter(batch.store, REF, trigger=BatchTrigger.SCHEDULE)  # of anybody else's nobody is told: it cost nothing
    batch.objects.put("batches/batch_1/input.jsonl", b'{"custom_id": "secret"}\n' * 3)
    assert not Validator(batch.store, batch.objects, batch.outbox, MODEL, lambda: NOW).run(REF)["valid"]
    notification = batch.finisher().finish(REF, BatchStatus.FAILED).notification
    assert notification and batch.outbox.entries(Subject.BATCHES)
    assert "duplicate_custom_id (2)" in notification.message and "first in line 1" in notification.message
    assert "secret" not in notification.subject + notification.message
    assert notification.subject.isascii() and len(notification.subject) < 100


def test_a_failure_says_what_to_do() -> None:
    batch = paid()
    error = ExecutionError("GpuQuotaExceeded", "Raise the quota L-3819A6DF.")
    notification = batch.finisher().finish(REF, BatchStatus.FAILED, error).notification
    assert (
        notification
        and "gpu_quota_exceeded: AWS counts vCPUs" in notification.message
        and "L-3819A6DF" in notification.message
    )
    assert "failed, 0 of 3 answered" in notification.subject


@pytest.mark.parametrize("data", [b"x", b"", b"{}", b'{"custom_id": "a"}\n' * 3])
def test_whoever_sends_rubbish_mails_nobody(data: bytes) -> None:
    batch = world(validated=False)
    batch.objects.put("batches/batch_1/input.jsonl", data)
    assert not Validator(batch.store, batch.objects, batch.outbox, MODEL, lambda: NOW).run(REF)["valid"]
    done = batch.finisher().finish(REF, BatchStatus.FAILED)
    assert (done.status, done.notification) == ("failed", None)
    assert batch.outbox.entries(Subject.BATCHES) == [], "nor does a sweep tell anybody in its place"
    assert batch.finisher().finish(REF, BatchStatus.FAILED) == done


def test_a_valid_batch_that_cost_nothing_mails_nobody_and_the_schedules_does() -> None:
    for trigger, told in ((BatchTrigger.API, False), (BatchTrigger.SCHEDULE, True)):
        batch = world()
        alter(batch.store, REF, trigger=trigger)
        done = batch.finisher().finish(REF, BatchStatus.EXPIRED)
        assert batch.record().result.cost_usd == 0
        assert (bool(done.notification), bool(batch.outbox.entries(Subject.BATCHES))) == (told, told)


def test_a_crash_before_its_entry_is_removed_mails_nobody_either() -> None:
    class Crash(Exception):
        pass

    class Crashing(MemoryOutbox):
        def remove(self, subject: Subject, name: str) -> None:
            raise Crash

    batch, notifier = world(validated=False), MemoryNotifier()
    batch.outbox = Crashing()
    with pytest.raises(Crash):
        batch.finisher().finish(REF, BatchStatus.FAILED)
    kept = batch.outbox.kept
    batch.outbox = MemoryOutbox()
    batch.outbox.kept = kept
    assert batch.outbox.entries(Subject.BATCHES), "the sweep finishes it once more"
    BatchEnd(batch.finisher(), batch.outbox, notifier).fail(REF)
    assert (batch.outbox.entries(Subject.BATCHES), notifier.sent) == ([], [])


def test_what_a_call_in_flight_at_the_end_took_is_in_the_record_as_in_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The copy of the input could not be deleted, so finishing is repeated; meanwhile the call has come back."""
    batch = world()

    def refused(self: object, key: str) -> None:
        raise OSError("the bucket does not answer")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="bucket"):
        patch.setattr(type(batch.objects), "delete", refused)
        batch.finisher().finish(REF, BatchStatus.FAILED)
    before = batch.record().result
    batch.store.progress(
        REF,
        0,
        ShardProgress(
            completed=1,
            prompt_tokens=1_000,
            completion_tokens=2_000,
            bedrock_prompt_tokens=1_000,
            bedrock_completion_tokens=2_000,
        ),
        done=False,
    )
    for _ in range(2):
        batch.finisher().finish(REF, BatchStatus.FAILED)
    usd = RATES.bedrock.usd(1_000, 2_000)
    assert usd and batch.record().result.bedrock_usd == pytest.approx(usd) == batch.purse.ledger.spent("2026-01")
    assert batch.record().result.cost_usd == pytest.approx((before.cost_usd or 0) + usd, abs=1e-6)
    used = [one for day in batch.store.counts.usage.days("2026-01-01", "2026-01-31") for one in day]
    assert sum(one.usd for one in used) == exact(usd), "and in what its person has used, once"


A_MILLION_ON_BEDROCK = ShardProgress(
    completed=1,
    prompt_tokens=1_000_000,
    completion_tokens=1_000_000,
    bedrock_prompt_tokens=1_000_000,
    bedrock_completion_tokens=1_000_000,
)


def test_what_bedrock_took_is_counted_into_the_month_once() -> None:
    batch = world(lines=1)
    batch.finish(
        1, text="!", finish_reason="stop", prompt_tokens=1_000_000, completion_tokens=1_000_000, by="bedrock", at=AT
    )
    batch.store.progress(
        REF,
        0,
        A_MILLION_ON_BEDROCK,
        done=True,
    )
    for _ in range(2):
        batch.finisher().finish(REF, BatchStatus.COMPLETED)
    expected = RATES.bedrock.usd(1_000_000, 1_000_000)
    assert expected is not None
    (entry,) = batch.purse.ledger.entries.items()
    assert entry == (("2026-01", "batch_1"), CountedCost(exact(expected), entry[1].at))
    assert batch.record().result.cost_usd == expected


@pytest.mark.parametrize(("reserved", "counted"), [(0.35, 0.35), (0.0, 30.0), (50.0, 30.0), (None, 30.0)])
def test_a_model_that_was_taken_away_meanwhile_does_not_use_up_the_month(
    reserved: float | None, counted: float
) -> None:
    """A deployment without Bedrock, or with a model whose price nobody knows, while a batch had answers of another."""
    batch = world(lines=1)
    batch.finish(1, text="!", finish_reason="stop", by="bedrock", at=AT)
    batch.store.progress(
        REF,
        0,
        A_MILLION_ON_BEDROCK,
        done=True,
    )
    batch.purse.monthly_cap_usd = 100.0
    if reserved is not None:
        batch.purse.reserve(Reservation("2026-01", "batch_1", Owner.BATCH, exact(reserved), AT, AT))
    finisher = batch.finisher()
    gone = replace(
        finisher, costs=replace(finisher.costs, rates=replace(RATES, bedrock=bedrock_price("", "us-east-1")))
    )
    for _ in range(2):
        gone.finish(REF, BatchStatus.COMPLETED)
    at = batch.purse.month("2026-01")
    assert (float(at.spent), at.reserved) == (counted, 0)
    assert all(cost.price_unknown for cost in batch.purse.ledger.entries.values())
