"""Eight batches on Bedrock that are planned at the same moment share what the month has left."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.memory import MemoryEngine
from foreverus.batches.cost import bedrock_guard_usd
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.plan.decision import Finish, GoOn
from foreverus.batches.plan.estimates import Deployment
from foreverus.batches.plan.planner import Planner
from foreverus.batches.records import Batch, BatchRef, BatchStatus, Shard
from foreverus.batches.shards.on_bedrock import OnBedrock
from foreverus.batches.shards.rounds import MemoryRounds
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.prices import TokenPrice, bedrock_price
from foreverus.costs.purse import Purse, PurseStore
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Month
from foreverus.sessions.records import Session
from foreverus.worker.contact import Contact, RunInline
from tests.unit.batches.shards.harness import line, reply
from tests.unit.conftest import Aws
from tests.unit.worker.harness import in_jumping_time

NOW, MONTH, CAP, MODEL = datetime(2026, 1, 1, 12, tzinfo=UTC), "2026-01", 20.0, "mistral.mistral-7b-instruct-v0:2"
KNOWN = bedrock_price(MODEL, "us-east-1")
UNKNOWN = TokenPrice(None, None, "unknown")
REFS = [BatchRef("ana", f"batch_{n}") for n in range(8)]
LINES = [line(n, "What colour is the sea?", max_tokens=20) for n in range(1, 11)]


class NoSessions:
    def live_session_ids(self) -> list[str]:
        return []

    def get(self, session_id: str) -> Session | None:
        return None

    def newest(self, limit: int) -> list[Session]:
        return []


class World:
    def __init__(self, purse: Purse, left: float, price: TokenPrice):
        self.store, self.objects, self.purse, self.price = MemoryBatches(), MemoryObjects(lambda: NOW), purse, price
        purse.settle(MONTH, "ses_0", CountedCost(exact(CAP - left), "2026-01-01T00:00:00.000Z"))
        times = {"created_at": "2026-01-01T12:00:00.000Z", "expires_at": "2026-01-02T12:00:00.000Z"}
        size = sum(map(len, LINES))
        shard = Shard(0, 1, 10, 0, size, prompt_tokens_estimate=120, completion_tokens_limit=200)
        for ref in REFS:
            key = f"batches/{ref.batch_id}/input.jsonl"
            self.objects.put(key, b"".join(LINES))
            batch = Batch(batch_id=ref.batch_id, user_id="ana", status=BatchStatus.IN_PROGRESS, total=10, **times)
            self.store.create(replace(batch, input_key=key, metadata={"backend": "bedrock"}))
            self.store.put_shards(ref.batch_id, [shard])
        deployment = Deployment(
            region="us-east-1",
            instance_types=("g6.xlarge",),
            idle_seconds=300.0,
            max_gpus=1,
            bedrock_model_id=MODEL,
            bedrock_calls=8,
            bedrock_price=price,
        )
        self.planner = Planner(self.store, NoSessions(), purse, deployment, lambda: NOW)
        self.on = OnBedrock(
            store=self.store,
            rounds=MemoryRounds(),
            objects=self.objects,
            backend=MemoryEngine(reply(lambda content: ["It ", "is ", "blue."]), 0.1),
            purse=purse,
            price=price,
            calls_at_once=8,
            clock=lambda: NOW,
            run_blocking=RunInline(Contact()),
        )

    def spent(self, ref: BatchRef) -> float:
        return bedrock_guard_usd(self.store.shards(ref.batch_id), self.price)[0]

    def month(self) -> Month:
        at = self.purse.month(MONTH)
        assert at.committed == at.spent + at.reserved <= exact(CAP)
        assert float(at.spent) + sum(map(self.spent, REFS)) <= CAP
        return at


@pytest.fixture(params=["dynamodb", "memory"])
def purse(request: pytest.FixtureRequest) -> Purse:
    if request.param == "memory":
        return MemoryPurse(CAP)
    aws: Aws = request.getfixturevalue("aws")
    return PurseStore(aws.items, CAP)


@pytest.mark.parametrize("price", [KNOWN, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize("left", [0.0, 0.0001, 0.002, 0.005, 1.0])
@in_jumping_time
async def test_the_cap_holds(purse: Purse, left: float, price: TokenPrice) -> None:
    world = World(purse, left, price)
    plans = [world.planner.plan(ref) for ref in REFS]
    world.month()
    going = [(ref, plan) for ref, plan in zip(REFS, plans, strict=True) if isinstance(plan, GoOn)]
    for ref, plan in zip(REFS, plans, strict=True):
        if isinstance(plan, Finish):
            batch = world.store.get(ref)
            assert batch and [one.code for one in batch.errors] == ["spend_cap_reached"]
    if left == 1.0 and price is KNOWN:
        assert len(going) == 8
    if left == 0.0:
        assert not going
    answers = await asyncio.gather(*(world.on.answer(ref, plan.round.number, 800) for ref, plan in going))
    at = world.month()
    assert float(at.reserved) == pytest.approx(sum(map(world.spent, REFS)), abs=1e-8), "nobody holds what is not spent"
    for answer in answers:
        assert answer.left == 0 or (answer.error and answer.error.name == "SpendCapReached")
    if left == 1.0 and price is KNOWN:
        assert [answer.left for answer in answers] == [0] * 8
