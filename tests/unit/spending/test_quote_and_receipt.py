"""Quote, meter, receipt, ledger and what people have used say the same.

Five kinds of work, each quoted by the API, done by the real rooms as the quote expected it, and paid.

The clock stands where the test puts it. A machine's life is written as its state machine and its worker write it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.dynamo import put_write
from foreverus.backends.port import BackendName
from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import split
from foreverus.batches.model import new_batch
from foreverus.batches.records import BatchRef, BatchStatus, LineResult, ShardProgress
from foreverus.batches.store import BatchStore
from foreverus.bootstrap.batches import finisher
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.history import Exchange
from foreverus.conversations.items import question_to_item
from foreverus.conversations.prompt import Thread, build_prompt
from foreverus.conversations.records import BedrockCharge, Conversation, FinishedAnswer, Question, Saved
from foreverus.conversations.store import ConversationStore
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, spent_usd
from foreverus.costs.prices import bedrock_price
from foreverus.costs.purse import PurseStore
from foreverus.costs.usage.records import UsageKind, added
from foreverus.costs.usage.store import UsageStore
from foreverus.files.records import new_file
from foreverus.files.store import FileStore
from foreverus.sessions.closing import CloseRequest
from foreverus.sessions.pending import PendingMessage, pending_write
from foreverus.sessions.records import Outcome, Session, SessionStatus, Trigger
from foreverus.sessions.store import SessionStore
from foreverus.settings.batches import RunBatchSettings
from tests.unit.conftest import NOW, Aws, Clock, launch_item
from tests.unit.spending.calling import call

MONTH = "2026-01"
MODEL = "mistral-7b-instruct-v0.3"
BEDROCK = "mistral.mistral-7b-instruct-v0:2"
CONTEXT = 8192
ORDERED_S = 3.0  # from the order to the instance's launch
END_S = 20.0  # from the last word to the instance's end
WITHIN = 0.05


@pytest.fixture
def clock(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """With PostgreSQL, which a session wakes up to be stored in."""
    made = Clock()
    monkeypatch.setattr(bootstrap.aws, "clock", made)
    monkeypatch.setenv("DATABASE", "aurora")
    monkeypatch.setenv("CONTEXT_TOKENS", str(CONTEXT))
    return made


def quoted(request: dict[str, Any]) -> Any:
    status, shown = call("POST /quotes", request)
    assert status == 200, shown
    return shown


def expected(quote: Any, backend: str) -> dict[str, float]:
    usd: dict[str, float] = next(one["usd"] for one in quote["backends"] if one["backend"] == backend)
    return usd


def assumed(quote: Any, name: str) -> float:
    return float(next(one["expected"] for one in quote["assumptions"] if one["name"] == name))


def as_quoted(usd: float, quote: Mapping[str, float]) -> None:
    assert quote["low"] <= usd <= quote["high"]
    assert usd == pytest.approx(quote["expected"], rel=WITHIN)


class Stack:
    """What the parts of the stack do, one after the other."""

    def __init__(self, aws: Aws, clock: Clock):
        self.aws, self.clock = aws, clock
        self.sessions = SessionStore(aws.items)

    def session(self, session_id: str) -> Session:
        found = self.sessions.get(session_id)
        assert found
        return found

    def change(self, session_id: str, **values: Any) -> None:
        item = self.aws.items.get(keys.session_key(session_id))
        assert item
        self.aws.items.put({**item, **values})

    def start(self, trigger: Trigger = Trigger.PAGE, batch_id: str = "") -> str:
        """Claims it and reserves; returns its id."""
        starter = bootstrap.api.build().sessions.starter
        session, started = starter.start("ana", trigger, batch_id=batch_id)
        assert started
        return session.session_id

    def live(self, quote: Any, session_id: str, seconds: float) -> None:
        """Its GPU boots as long as the quote expects, works so long, and ends after the idle time."""
        self.clock.forward(ORDERED_S)
        usd = assumed(quote, "gpu_spot_usd_per_hour") - BESIDE_GPU_USD_PER_HOUR
        launch = launch_item(launched_at=ids.timestamp(self.clock()), lifecycle="spot", price_per_hour_usd=usd)
        self.change(session_id, status="booting", launches=[{**launch, "price_source": "as the quote expects"}])
        self.clock.forward(assumed(quote, "gpu_boot_seconds") - ORDERED_S)
        self.change(session_id, status="serving", healthy_at=ids.timestamp(self.clock()))
        self.clock.forward(seconds + assumed(quote, "gpu_idle_seconds") + END_S)

    def close(self, session_id: str) -> Session:
        request = CloseRequest(session_id=session_id, outcome=Outcome.ENDED, terminated_at=ids.timestamp(self.clock()))
        closer = replace(bootstrap.close_session.build(), clock=self.clock)
        assert closer.close(request).status is SessionStatus.ENDED
        return self.session(session_id)

    def spent(self) -> float:
        return LedgerStore(self.aws.items).spent(MONTH)

    def used_on_bedrock(self, kind: UsageKind) -> float:
        days = UsageStore(self.aws.items).days("2026-01-01", "2026-01-31")
        found = added({}, (one for day in days for one in day))
        return float(found[BackendName.BEDROCK, kind].usd)


@pytest.fixture
def stack(aws: Aws, clock: Clock) -> Stack:
    return Stack(aws, clock)


@pytest.mark.parametrize("minutes", [30, 0, 5, 240], ids=["a session", "an idle session", "a short one", "a long one"])
def test_a_session(stack: Stack, minutes: int) -> None:
    quote = quoted({"kind": "session", "minutes": minutes})
    session_id = stack.start()
    stack.live(quote, session_id, minutes * 60)
    meter = spent_usd(stack.session(session_id).launches, stack.clock(), "us-east-1")
    receipt = stack.close(session_id).receipt
    assert receipt and receipt.total_usd
    as_quoted(receipt.total_usd, expected(quote, "gpu"))
    assert receipt.total_usd == pytest.approx(meter + receipt.database_usd, abs=1e-6)
    assert stack.spent() == pytest.approx(receipt.total_usd, abs=1e-6)


@pytest.mark.parametrize("messages", [1, 5])
def test_a_chat_on_bedrock(stack: Stack, messages: int) -> None:
    """Prose of 3.5 bytes a token, and ordinary answers; the prompts are those that the conversation really sends."""
    text = "Por que o ceu e azul, e por que fica vermelho quando o sol se poe? Explica com calma. " * 4
    quote = quoted({"kind": "chat", "prompt": text, "messages": messages})
    length = assumed(quote, "answer_tokens")
    answer = "azul " * round(length * 3.5 / 5)
    ends, earlier = MessageEnds(stack.aws.items, PurseStore(stack.aws.items, 20.0), stack.clock), list[Exchange]()
    price = bedrock_price(BEDROCK, "us-east-1")
    for number in range(messages):
        waiting, question = ask(stack, f"msg_{number}", text)
        account = CallAccount.of(question.ref, stack.clock())
        prompt = build_prompt("", Thread(question, None, tuple(earlier)), CONTEXT)
        ends.reserve(account, 0.01, stack.clock() + timedelta(minutes=15))
        tokens = round(sum(len(one.content.encode()) / 3.5 + 8 for one in prompt.messages)), round(length)
        charge = BedrockCharge(*tokens, price.guard_usd(*tokens))
        finished = FinishedAnswer(answer, *tokens, "stop", charge=charge)
        assert ends.finish(waiting, finished, account, stack.clock()) is Saved.SAVED
        earlier.append(Exchange(text, answer))
    assert stack.sessions.newest(1) == [], "no session, and so no receipt: the ledger has it"
    as_quoted(stack.spent(), expected(quote, "bedrock"))
    assert stack.used_on_bedrock(UsageKind.CHAT) == pytest.approx(stack.spent(), abs=1e-8)


def ask(stack: Stack, message_id: str, text: str) -> tuple[PendingMessage, Question]:
    store, at = ConversationStore(stack.aws.items), ids.timestamp(stack.clock())
    if stack.aws.items.get(keys.conversation_key("ana", "conv_1")) is None:
        store.create(Conversation(conversation_id="conv_1", user_id="ana", created_at=at, updated_at=at))
    named = {"message_id": message_id, "conversation_id": "conv_1", "user_id": "ana", "created_at": at}
    question, waiting = Question(**named, content=text), PendingMessage(**named, backend=BackendName.BEDROCK)
    stack.aws.items.transact(put_write(question_to_item(question)), pending_write(waiting))
    return waiting, question


LINES = 640


def put_input(stack: Stack) -> bytes:
    def line(number: int) -> bytes:
        text = f"{number:04d} " + "Resume este texto em duas frases. " * 12
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 200}
        one = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        return json.dumps(one).encode() + b"\n"

    data = b"".join(line(number) for number in range(LINES))
    file = new_file("file_in", "ana", "in.jsonl", len(data), NOW)
    FileStore(stack.aws.items).put(file)
    bootstrap.aws.objects(stack.aws.data_bucket).put(file.object_key, data)
    return data


def answered(stack: Stack, data: bytes, by: str, on_bedrock: bool) -> BatchRef:
    """A batch of that file whose lines took what the quote expects: half of their limit each, 3.5 bytes a token."""
    store, ref = BatchStore(stack.aws.items), BatchRef("ana", "batch_1")
    request = {"input_file_id": "file_in", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = new_batch(ref.batch_id, "ana", request, NOW)
    store.create(replace(batch, status=BatchStatus.IN_PROGRESS, total=LINES, model=MODEL))
    bootstrap.aws.objects(stack.aws.data_bucket).put(batch.input_key, data)
    shards = validate(split([data]), "/v1/chat/completions", MODEL).shards
    store.put_shards(ref.batch_id, shards)
    for shard in shards:
        prompt = round(shard.prompt_tokens_estimate / shard.lines)
        lines = [
            LineResult(
                number, f"c{number}", by=by, at=ids.timestamp(stack.clock()), text="!", finish_reason="stop",
                prompt_tokens=prompt, completion_tokens=100,
            )
            for number in range(shard.first_line, shard.first_line + shard.lines)
        ]  # fmt: skip
        store.keep_results(ref.batch_id, shard.number, lines, stack.clock())
        tokens = shard.lines * prompt, shard.lines * 100
        took = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        there = {f"bedrock_{name}": count for name, count in took.items()} if on_bedrock else {}
        session = {} if on_bedrock else {"session_id": by, "slot_seconds": 1.0}
        progress = ShardProgress(completed=shard.lines, **took, **there, **session)
        store.progress(ref, shard.number, progress, done=True)
    return ref


def finish(stack: Stack, ref: BatchRef) -> Any:
    """The result in its record."""
    end = replace(finisher(RunBatchSettings.from_env(os.environ)), clock=stack.clock)
    end.finish(ref, BatchStatus.COMPLETED)
    batch = BatchStore(stack.aws.items).get(ref)
    assert batch and batch.status is BatchStatus.COMPLETED
    return batch.result


def test_a_batch_on_the_gpu(stack: Stack) -> None:
    data = put_input(stack)
    quote = quoted({"kind": "batch", "file_id": "file_in"})
    seconds = LINES * 100 / assumed(quote, "gpu_tokens_per_second")
    session_id = stack.start(Trigger.BATCH, "batch_1")
    stack.live(quote, session_id, seconds)
    ref = answered(stack, data, session_id, on_bedrock=False)
    receipt = stack.close(session_id).receipt
    result = finish(stack, ref)
    assert receipt and receipt.total_usd
    as_quoted(receipt.total_usd, expected(quote, "gpu"))
    assert result.cost_usd == pytest.approx(receipt.total_usd, abs=1e-6)
    assert stack.spent() == pytest.approx(receipt.total_usd, abs=1e-6)


def test_a_batch_on_bedrock(stack: Stack) -> None:
    data = put_input(stack)
    quote = quoted({"kind": "batch", "file_id": "file_in"})
    assert quote["auto"]["backend"] == "bedrock"
    result = finish(stack, answered(stack, data, "bedrock", on_bedrock=True))
    as_quoted(result.cost_usd, expected(quote, "bedrock"))
    assert stack.spent() == pytest.approx(result.cost_usd, abs=1e-6)
    assert stack.used_on_bedrock(UsageKind.BATCH) == pytest.approx(result.cost_usd, abs=1e-6)
