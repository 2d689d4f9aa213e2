"""A conversation on Bedrock in moto's table: what waits, who answers it, and what can happen to them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.dynamo import put_write
from foreverus.aws.push import MemoryPush
from foreverus.backends import converse
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import BackendName, Delta, Finished, Prompt
from foreverus.choice.refusals import MemoryRefusals
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock.answering import ConversationAnswering
from foreverus.conversations.bedrock.asking import BedrockAsker
from foreverus.conversations.bedrock.ends import MessageEnds
from foreverus.conversations.bedrock.entitling import BedrockTitles
from foreverus.conversations.bedrock.takeover import TakeOver
from foreverus.conversations.bedrock.writing import AnswerWriter
from foreverus.conversations.entitling import TitleNews
from foreverus.conversations.items import question_to_item
from foreverus.conversations.lease import LeaseStore
from foreverus.conversations.passages.looking import Passages
from foreverus.conversations.records import AnswerOptions, Conversation, Question
from foreverus.conversations.store import ConversationStore
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse import PurseStore
from foreverus.metrics import Metrics
from foreverus.sessions.chat_gpu import ChatGpu
from foreverus.sessions.demand import MemoryDemand
from foreverus.sessions.pending import PendingMessage, PendingWorkStore, pending_write
from foreverus.sessions.store import SessionStore
from foreverus.worker.contact import Contact, RunInline
from tests.unit.conftest import NOW, Aws

PRICE = TokenPrice(100.0, 1000.0, "test")  # USD per million: an answer of these tests costs about half a cent
SECONDS = 870.0
MONTH = ids.timestamp(NOW)[:7]
USER = "user-1"


class Bedrock(MemoryEngine):
    """Says what Converse says, a word in half a second: what it cannot express is rejected before anything is asked."""

    def __init__(self, words: str = "The sea is blue") -> None:
        super().__init__(lambda prompt: [f"{word} " for word in words.split()], 0.5)
        self.answering: Callable[[Prompt], None] = lambda prompt: None  # before a call's first word
        self.at_word: Callable[[int], None] = lambda number: None
        self.reason = ""  # instead of the engine's

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        converse.request(prompt, 8192)
        self.answering(prompt)
        number = 0
        async for event in super().stream(prompt):
            if isinstance(event, Finished) and self.reason:
                event = replace(event, finish_reason=self.reason)
            yield event
            number += 1
            self.at_word(number)


class Calls:
    """The answering function as others call it."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []
        self.failing: Exception | None = None

    def call(self, event: dict[str, str]) -> None:
        if self.failing:
            raise self.failing
        self.events.append(event)


class Scene:
    def __init__(self, aws: Aws, cap_usd: float = 20.0) -> None:
        self.aws = aws
        self.backend = Bedrock()
        self.measured: list[str] = []
        self.push = MemoryPush()
        self.calls = Calls()
        self.passed = timedelta()  # beside the loop's clock
        self.price = PRICE
        self.cap_usd = cap_usd
        self.context_tokens = 2048
        self.latency_s = 0.01  # of each call of AWS
        self.service = bootstrap.api.build().conversations
        self.store = ConversationStore(aws.items)
        self.pending = PendingWorkStore(aws.items)
        self.purse = PurseStore(aws.items, cap_usd)
        self.refusals = MemoryRefusals(self.clock)
        self.demand = MemoryDemand()
        self.chat_gpu = ChatGpu(
            demand=self.demand,
            sessions=SessionStore(aws.items),
            starter=self.service.sessions,
            allowed=True,
            usd_per_hour=0.4,
            clock=self.clock,
        )
        self.passages: Passages | None = None
        self._names = 0

    def clock(self) -> datetime:
        try:
            seconds = asyncio.get_running_loop().time()
        except RuntimeError:
            seconds = 0.0
        return NOW + timedelta(seconds=seconds) + self.passed

    # ---- what people do ----

    def converse(self, title: str = "A talk") -> str:
        self._names += 1
        conversation_id = f"conv_{self._names}"
        self.store.create(
            Conversation(
                conversation_id=conversation_id,
                user_id=USER,
                title=title,
                system="Be brief.",
                created_at=ids.timestamp(NOW),
                updated_at=ids.timestamp(NOW),
            )
        )
        return conversation_id

    def ask(
        self,
        content: str,
        conversation: str = "",
        backend: BackendName = BackendName.BEDROCK,
        may_move: bool = True,
        **options: Any,
    ) -> tuple[str, str]:
        """(the conversation, the message)."""
        conversation = conversation or self.converse()
        self._names += 1
        message, at = f"msg_{self._names:03d}", ids.timestamp(self.clock())
        named = (message, conversation, USER)
        question = Question(
            message_id=message,
            conversation_id=conversation,
            user_id=USER,
            content=content,
            created_at=at,
            options=AnswerOptions(**options),
        )
        waiting = PendingMessage(
            message_id=named[0],
            conversation_id=named[1],
            user_id=named[2],
            created_at=at,
            backend=backend,
            may_move=may_move,
        )
        self.aws.items.transact(put_write(question_to_item(question)), pending_write(waiting))
        return conversation, message

    def watch(self, conversation: str, page: str = "page") -> None:
        self.push.subscribe(keys.conversation_topic(conversation), page)

    # ---- what became of it ----

    def answers(self, conversation: str) -> list[dict[str, Any]]:
        """As the API shows them."""
        shown: list[dict[str, Any]] = self.service.messages(USER, conversation, {})["data"]
        return [one for one in shown if one["role"] == "assistant"]

    def answer_to(self, conversation: str) -> dict[str, Any]:
        """The newest."""
        return self.answers(conversation)[-1]

    def waiting(self) -> dict[str, list[str]]:
        return {
            "gpu": [one.message_id for one in self.pending.messages()],
            "bedrock": [one.message_id for one in self.pending.on_bedrock()],
        }

    def reserved(self) -> list[str]:
        return [one.name for one in self.purse.month(MONTH).reservations]

    def spent(self) -> float:
        return LedgerStore(self.aws.items).spent(MONTH)

    def entries(self) -> dict[str, float]:
        found = self.aws.items.query(keys.ledger_partition(MONTH))
        return {item["sk"]: item["usd"] for item in found if item["sk"] != "TOTAL"}

    def used(self) -> dict[str, Any]:
        """The person's usage of the month."""
        sums: dict[str, Any] = {}
        for item in self.aws.items.query(keys.usage_partition(MONTH)):
            for name, value in item.items():
                if name.startswith(("bedrock_", "gpu_")):
                    sums[name] = sums.get(name, 0) + value
        return sums

    def price_of(self, prompt: Prompt, words: int) -> float:
        """Of a whole call, as the engine in memory counts."""
        tokens = sum(len(one.content.split()) for one in prompt.messages)
        return (tokens * 100 + words * 1000) / 1e6

    # ---- the function ----

    def answering(self) -> ConversationAnswering:
        run = RunInline(Contact(), self.latency_s)
        items = self.aws.items
        ends = MessageEnds(items, self.purse, self.clock)
        starter = replace(self.service.sessions, purse=self.purse, clock=self.clock)
        takeover = TakeOver(ends=ends, sessions=starter, queue=self.service.queue, clock=self.clock)
        asker = BedrockAsker(
            backend=self.backend,
            ends=ends,
            price=self.price,
            context_tokens=self.context_tokens,
            clock=self.clock,
            run_blocking=run,
        )
        answers = DynamoAnswers(items, self.clock)
        news = TitleNews(answers, self.push, 0)
        titles = BedrockTitles(
            backend=self.backend,
            answers=answers,
            ends=ends,
            news=news,
            price=self.price,
            clock=self.clock,
            run_blocking=run,
        )
        writer = AnswerWriter(
            answers=answers,
            ends=ends,
            asker=asker,
            takeover=takeover,
            refusals=self.refusals,
            push=self.push,
            clock=self.clock,
            run_blocking=run,
            titles=titles,
            news=news,
            passages=self.passages,
            chat_gpu=self.chat_gpu,
            metrics=Metrics("foreverus", write=self.measured.append, clock=self.clock),
        )
        return ConversationAnswering(
            pending=self.pending,
            lease=LeaseStore(items, self.clock),
            writer=writer,
            again=self.calls,
            run_blocking=run,
        )

    async def run(self, conversation: str, seconds: float = SECONDS) -> str:
        """One call; what it did."""
        self._names += 1
        done = await self.answering().run(conversation, USER, seconds, f"call_{self._names}")
        return str(done["state"])
