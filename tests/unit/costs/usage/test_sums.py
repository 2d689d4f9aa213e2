"""What people have used is what sessions, batches and the ledger say, whatever happens to an answer on its way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.port import BackendName
from foreverus.batches.cost import BatchCosts, Rates
from foreverus.batches.finishing import Finisher
from foreverus.batches.model import new_batch
from foreverus.batches.records import BatchRef, BatchStatus, LineResult, Shard, ShardProgress
from foreverus.batches.store import BatchStore
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.records import AnswerError, BedrockCharge, FinishedAnswer, MessageRef, PartialAnswer, Saved
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.money import exact
from foreverus.costs.prices import bedrock_price
from foreverus.costs.purse import PurseStore
from foreverus.costs.usage.records import UsageKind, Used, UsedService, added
from foreverus.costs.usage.store import UsageStore
from foreverus.files.store import MemoryFiles
from foreverus.notifications.outbox import MemoryOutbox
from foreverus.sessions.pending import PendingMessage, pending_write
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, session_item

PRICE = bedrock_price("mistral.mistral-7b-instruct-v0:2", "us-east-1")
MONTH = "2026-01"
WHAT_HAPPENS = st.lists(
    st.tuples(
        st.sampled_from(
            ["answered", "handed back", "failed", "on bedrock", "failed on bedrock", "moved", "twice", "unread"]
        ),
        st.sampled_from(["ana", "bia"]),
        st.integers(0, 500),
        st.integers(1, 300),
    ),
    max_size=10,
)


def charge(prompt: int, completion: int) -> BedrockCharge:
    return BedrockCharge(prompt, completion, PRICE.usd(prompt, completion) or 0.0)


class World:
    def __init__(self, aws: Aws):
        self.items = aws.items
        partitions = (keys.usage_partition, keys.ledger_partition, keys.purse_partition)
        for partition in (*(of(MONTH) for of in partitions), keys.SESSIONS):
            self.items.delete_all([{"pk": one["pk"], "sk": one["sk"]} for one in self.items.query(partition)])
        self.answers = DynamoAnswers(self.items, lambda: NOW)
        self.ends = MessageEnds(self.items, PurseStore(self.items, 1_000.0), lambda: NOW)
        aws.put(**session_item("ses_1", owner="ana"))
        self.asked = 0

    def ask(self, user_id: str) -> MessageRef:
        self.asked += 1
        ref = MessageRef(f"msg_{self.asked}", f"conv_{user_id}", user_id)
        names = {"message_id": ref.message_id, "conversation_id": ref.conversation_id, "user_id": user_id}
        self.items.put({**keys.conversation_key(user_id, ref.conversation_id), **names})
        question = {"content": "?", "created_at": ids.timestamp(NOW)}
        self.items.put({**keys.question_key(ref.conversation_id, ref.message_id), **names, **question})
        self.items.delete(keys.answer_key(ref.conversation_id, ref.message_id))
        return ref

    def happen(self, what: str, user_id: str, prompt: int, completion: int) -> None:
        ref = self.ask(user_id)
        if what in ("on bedrock", "failed on bedrock", "moved", "unread"):
            self.happen_on_bedrock(what, ref, charge(prompt, completion))
            return
        whole = FinishedAnswer("!", prompt, completion, "stop")
        if what == "handed back":
            for _ in range(2):  # the answer to the first one was lost
                self.answers.hand_back(ref, PartialAnswer("!", completion, spent=completion), "ses_1")
            whole = replace(whole, earlier_tokens=completion)
        elif what == "failed":
            whole = FinishedAnswer("", uncounted_tokens=3, error=AnswerError("context_length_exceeded", "Too long."))
        assert self.answers.finish(ref, whole, "ses_1", NOW) is Saved.SAVED
        if what == "twice":
            assert self.answers.finish(ref, whole, "ses_1", NOW) is Saved.DUPLICATE

    def happen_on_bedrock(self, what: str, ref: MessageRef, paid: BedrockCharge) -> None:
        """`moved`: after a call that was paid for the GPU answers it. `unread`: somebody else's answer was first."""
        waiting = PendingMessage(
            message_id=ref.message_id, conversation_id=ref.conversation_id, user_id=ref.user_id,
            created_at=ids.timestamp(NOW), backend=BackendName.BEDROCK,
        )  # fmt: skip
        self.items.transact(pending_write(waiting))
        account = CallAccount.of(ref, NOW)
        self.ends.reserve(account, 1.0, NOW + timedelta(minutes=15))
        if what == "moved":
            assert self.ends.move(waiting, account, paid)
            whole = FinishedAnswer("!", 5, 7, "stop")
            assert self.answers.finish(ref, whole, "ses_1", NOW) is Saved.SAVED
            return
        error = AnswerError("content_filter", "Refused.") if what == "failed on bedrock" else None
        whole = FinishedAnswer("!", paid.prompt_tokens, paid.completion_tokens, "stop", error=error, charge=paid)
        assert self.ends.finish(waiting, whole, account, NOW) is Saved.SAVED
        if what == "unread":
            for _ in range(2):  # the answer to the first one was lost
                self.ends.charge(ref, paid, account, "call_1")

    def used(self) -> dict[tuple[UsedService, UsageKind], Used]:
        return added({}, (part for day in UsageStore(self.items).days("2026-01-01", "2026-01-31") for part in day))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(WHAT_HAPPENS)
def test_chats_are_what_their_session_and_the_ledger_say(aws: Aws, happens: list[tuple[str, str, int, int]]) -> None:
    world = World(aws)
    for one in happens:
        world.happen(*one)
    found, session = world.used(), SessionStore(world.items).get("ses_1")
    assert session
    gpu, bedrock = (
        found.get((service, UsageKind.CHAT), Used(service=service, kind=UsageKind.CHAT))
        for service in (UsedService.GPU, UsedService.BEDROCK)
    )
    assert (gpu.messages, gpu.prompt_tokens, gpu.completion_tokens, gpu.usd) == (
        *(session.messages_answered, session.prompt_tokens, session.completion_tokens, 0),
    )
    assert float(bedrock.usd) == pytest.approx(LedgerStore(world.items).spent(MONTH), abs=1e-8)
    there = [what for what, *_ in happens if what in ("on bedrock", "failed on bedrock", "unread")]
    assert bedrock.messages == len(there)


def finisher(world: World, objects: MemoryObjects) -> Finisher:
    later = NOW + timedelta(minutes=20)
    sessions = SessionStore(world.items)
    return Finisher(
        store=BatchStore(world.items),
        objects=objects,
        files=MemoryFiles(),
        costs=BatchCosts(sessions, Rates("us-east-1", 16, PRICE), lambda: later),
        purse=PurseStore(world.items, 20.0),
        outbox=MemoryOutbox(),
        clock=lambda: later,
    )


@pytest.mark.parametrize("user_id", ["ana", "schedule"])
def test_a_batch_of_both_backends_is_what_its_record_and_the_ledger_say(aws: Aws, user_id: str) -> None:
    world, objects = World(aws), MemoryObjects(lambda: NOW)
    store, ref = BatchStore(aws.items), BatchRef(user_id, f"batch_of_{user_id}")
    request: dict[str, Any] = {"input_file_id": "file_in", "endpoint": "/v1/chat/completions"}
    batch = new_batch(ref.batch_id, user_id, {**request, "completion_window": "24h"}, NOW)
    store.create(replace(batch, status=BatchStatus.IN_PROGRESS, total=3))
    store.put_shards(ref.batch_id, [Shard(0, 1, 3, 0, 9)])
    lines = [
        LineResult(1, "a", by="ses_1", at=ids.timestamp(NOW), text="!", prompt_tokens=100, completion_tokens=50),
        LineResult(2, "b", by="bedrock", at=ids.timestamp(NOW), text="!", prompt_tokens=7_000, completion_tokens=900),
        LineResult(3, "c", by="bedrock", at=ids.timestamp(NOW), text="!", prompt_tokens=80, completion_tokens=40),
    ]
    store.keep_results(ref.batch_id, 0, lines, NOW)
    store.progress(
        ref,
        0,
        ShardProgress(
            completed=3,
            prompt_tokens=7_180,
            completion_tokens=990,
            bedrock_prompt_tokens=7_080,
            bedrock_completion_tokens=940,
        ),
        done=True,
    )
    for _ in range(2):
        finisher(world, objects).finish(ref, BatchStatus.COMPLETED)
    found, ended = world.used(), store.get(ref)
    assert ended
    gpu, bedrock = found[UsedService.GPU, UsageKind.BATCH], found[UsedService.BEDROCK, UsageKind.BATCH]
    assert (gpu.messages, bedrock.messages) == (ended.result.on_gpu, ended.result.on_bedrock) == (1, 2)
    assert (gpu.prompt_tokens, bedrock.prompt_tokens) == (100, 7_080)
    assert gpu.tokens + bedrock.tokens == ended.result.usage.total_tokens
    assert gpu.usd == Decimal(0) and bedrock.usd == exact(ended.result.bedrock_usd or 0)
    assert float(bedrock.usd) == LedgerStore(aws.items).spent(MONTH)
    assert {one.user_id for one in UsageStore(aws.items).days("2026-01-01", "2026-01-31")} == {user_id}
