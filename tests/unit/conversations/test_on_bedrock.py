"""No GPU could be had: Bedrock answers what waits, once, within the caps, and nothing that it may not."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.push import MemoryPush
from foreverus.backends import converse
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Prompt
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock_budget import BedrockBudget
from foreverus.conversations.on_bedrock import ChatsOnBedrock
from foreverus.costs.database import wake_usd
from foreverus.costs.ledger import CountedCost, LedgerStore
from foreverus.costs.money import exact
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse import PurseStore
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from foreverus.sessions.pending import PendingWorkStore
from foreverus.sessions.records import Outcome, SessionEnd, SessionStatus
from foreverus.sessions.store import SessionStore
from foreverus.settings import MissingSetting
from foreverus.worker.contact import Contact, RunInline
from tests.unit.conftest import NOW, Aws, launch_item, session_item, session_record
from tests.unit.worker.harness import in_jumping_time

SESSION = "ses_1"
PRICE = TokenPrice(100.0, 1000.0, "test")  # USD per million: an answer of these tests costs about a tenth of a cent
SECONDS = 285.0


class Bedrock(MemoryEngine):
    """Says what Converse says, a word in half a second: what it cannot express is rejected before anything is asked."""

    def __init__(self, words: str = "The sea is blue") -> None:
        super().__init__(lambda prompt: [f"{word} " for word in words.split()], 0.5)
        self.throttled = 0  # so many calls to come are
        self.answering: Callable[[Prompt], None] = lambda prompt: None

    async def complete(self, prompt: Prompt) -> Completion:
        converse.request(prompt, 8192)
        if self.throttled:
            self.throttled -= 1
            raise EngineBusy("ThrottlingException")
        self.answering(prompt)
        return await super().complete(prompt)


MONTH = ids.timestamp(NOW)[:7]


def reserved(name: str, usd: float) -> Reservation:
    at = ids.timestamp(NOW)
    return Reservation(MONTH, name, Owner.SESSION, exact(usd), at, at)


class Scene:
    """A session whose launch has failed, and what waits for it."""

    def __init__(self, aws: Aws, backend: Bedrock | None = None, **session: Any) -> None:
        self.aws = aws
        self.backend = backend or Bedrock()
        self.push = MemoryPush()
        self.sessions = SessionStore(aws.items)
        self.price = PRICE
        self.purse = PurseStore(aws.items, 20.0)
        self.session_cap_usd = 4.0
        self.context_tokens = 2048
        nothing_bought = {"launches": [], "status": "launching", "created_at": ids.timestamp(NOW)}
        aws.put(**session_item(SESSION, **{**nothing_bought, **session}))
        aws.put(**keys.GPU_SLOT, session_id=SESSION)
        self.purse.reserve(reserved(SESSION, 4.0))
        self.service = bootstrap.api.build().conversations

    def ask(self, content: str, conversation: str = "", **options: Any) -> tuple[str, str]:
        """(the conversation, the message)."""
        conversation = conversation or self.service.create("user-1")["id"]
        posted = self.service.post("user-1", conversation, {"content": content, **options})
        return conversation, posted["message"]["id"]

    def answer_to(self, conversation: str) -> dict[str, Any]:
        """The newest, as the API shows it."""
        shown: dict[str, Any] = self.service.messages("user-1", conversation, {})["data"][-1]
        return shown

    def record(self) -> dict[str, Any]:
        return self.aws.items.get(keys.session_key(SESSION)) or {}

    def pending(self) -> list[str]:
        return [item["sk"] for item in self.aws.items.query(keys.PENDING)]

    async def run(self, seconds: float = SECONDS) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        begun = loop.time()

        def clock() -> datetime:
            return NOW + timedelta(seconds=loop.time() - begun)

        budget = BedrockBudget(
            sessions=self.sessions,
            purse=self.purse,
            price=self.price,
            session_cap_usd=self.session_cap_usd,
            region="us-east-1",
            clock=clock,
        )
        chats = ChatsOnBedrock(
            pending=PendingWorkStore(self.aws.items),
            answers=DynamoAnswers(self.aws.items),
            sessions=self.sessions,
            backend=self.backend,
            budget=budget,
            push=self.push,
            context_tokens=self.context_tokens,
            calls_at_once=8,
            clock=clock,
            run_blocking=RunInline(Contact()),
        )
        return await chats.answer(SESSION, seconds)


@in_jumping_time
async def test_what_waits_is_answered_and_says_who_answered(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("What colour is the sea?")
    scene.push.subscribe(keys.conversation_topic(conversation), "page")
    assert await scene.run() == {"session_id": SESSION, "answered": 1, "left": 0}
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["content"]) == ("answered", "The sea is blue ")
    assert (answer["backend"], answer["session_id"], answer["finish_reason"]) == ("bedrock", SESSION, "stop")
    assert scene.pending() == []
    (frame,) = scene.push.frames["page"]
    assert (frame["type"], frame["message"]) == ("message", answer)
    assert aws.items.get(keys.answered_key(SESSION, message)), "it is among the session's results"


@in_jumping_time
async def test_page_that_cannot_be_reached_loses_no_answer(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.push.subscribe(keys.conversation_topic(conversation), "page")
    scene.push.fail_next(ClientError({"Error": {"Code": "LimitExceededException"}}, "PostToConnection"))
    assert await scene.run() == {"session_id": SESSION, "answered": 1, "left": 0}
    assert scene.answer_to(conversation)["status"] == "answered"


@in_jumping_time
async def test_it_is_on_the_sessions_account_once_however_often_it_runs(aws: Aws) -> None:
    scene = Scene(aws)
    for content in ("one", "two two"):
        scene.ask(content)
    await scene.run()
    assert await scene.run() == {"session_id": SESSION, "answered": 0, "left": 0}
    record, prompts = scene.record(), [message.content for one in scene.backend.prompts for message in one.messages]
    tokens = sum(len(text.split()) for text in prompts)
    assert (record["messages_answered"], record["bedrock_messages"]) == (2, 2)
    assert (record["prompt_tokens"], record["completion_tokens"]) == (tokens, 8)
    assert (record["bedrock_prompt_tokens"], record["bedrock_completion_tokens"]) == (tokens, 8)
    assert record["bedrock_usd"] == pytest.approx((tokens * 100 + 8 * 1000) / 1e6)


@in_jumping_time
async def test_conversations_are_answered_side_by_side_and_each_in_its_order(aws: Aws) -> None:
    scene = Scene(aws)
    scene.purse, scene.session_cap_usd = PurseStore(aws.items, 200.0), 200.0
    first, _ = scene.ask("one")
    scene.ask("two", first)
    for _ in range(4):
        scene.ask("other")
    assert (await scene.run())["answered"] == 6
    assert scene.backend.most_running == 5
    (after,) = [one for one in scene.backend.prompts if one.messages[-1].content == "two"]
    assert [(one.role, one.content) for one in after.messages[1:]] == [
        ("user", "one"),
        ("assistant", "The sea is blue "),
        ("user", "two"),
    ]


@in_jumping_time
async def test_message_that_comes_while_others_are_answered_is_answered_too(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    late: list[str] = []

    def come(prompt: Prompt) -> None:
        if not late:
            late.append(scene.ask("late")[0])

    scene.backend.answering = come
    assert (await scene.run())["answered"] == 2
    assert scene.answer_to(late[0])["status"] == "answered"


@in_jumping_time
async def test_answer_that_a_lost_gpu_began_is_one_answer_without_its_beginning_twice(aws: Aws) -> None:
    scene = Scene(aws, launches=[launch_item(launched_at=ids.timestamp(NOW))])
    conversation, message = scene.ask("What colour is the sea?")
    begun = {"message_id": message, "content": "The sea is", "status": "answering", "partial_tokens": 3}
    aws.put(**keys.answer_key(conversation, message), **begun, session_id=SESSION)
    assert (await scene.run())["answered"] == 1
    answer = scene.answer_to(conversation)
    assert answer["content"] == "The sea is blue "
    assert answer["usage"]["completion_tokens"] == 4
    (asked,) = scene.backend.prompts
    assert not asked.continues
    assert scene.record()["completion_tokens"] == 3 + 4, "what the lost GPU spent is on the account too"
    assert scene.record()["bedrock_completion_tokens"] == 4


@in_jumping_time
async def test_backend_that_can_continue_an_answer_writes_only_what_is_missing(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converse, "request", lambda prompt, most_tokens: {})
    scene = Scene(aws)
    conversation, message = scene.ask("What colour is the sea?")
    begun = {"message_id": message, "content": "The sea ", "status": "answering", "partial_tokens": 2}
    aws.put(**keys.answer_key(conversation, message), **begun, session_id="ses_0")
    await scene.run()
    assert scene.answer_to(conversation)["content"] == "The sea is blue "
    assert scene.answer_to(conversation)["usage"]["completion_tokens"] == 2 + 1


@in_jumping_time
async def test_deleted_conversation_is_dropped_and_what_its_answer_cost_is_counted(aws: Aws) -> None:
    scene = Scene(aws)
    gone, message = scene.ask("never mind")
    aws.items.delete(keys.conversation_key("user-1", gone))
    late, _ = scene.ask("delete me")
    scene.backend.answering = lambda prompt: scene.service.delete("user-1", late) and None
    assert (await scene.run())["answered"] == 0
    assert scene.pending() == []
    assert len(scene.backend.prompts) == 1
    assert aws.items.get(keys.answer_key(gone, message)) is None
    record = scene.record()
    assert (record.get("messages_answered", 0), record.get("bedrock_messages", 0)) == (0, 0)
    assert record["bedrock_usd"] > 0 and record["completion_tokens"] == 4


@in_jumping_time
async def test_answer_that_somebody_else_saved_first_stays_and_ours_is_paid_for(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")

    def faster(prompt: Prompt) -> None:
        final = {"message_id": message, "content": "first", "status": "answered", "session_id": "ses_2"}
        aws.put(**keys.answer_key(conversation, message), **final)
        aws.items.delete(keys.pending_key(message))

    scene.backend.answering = faster
    assert (await scene.run())["answered"] == 0
    assert scene.answer_to(conversation)["content"] == "first"
    assert scene.record()["bedrock_usd"] > 0


@in_jumping_time
async def test_answer_whose_saving_got_no_reply_is_saved_and_paid_once(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(aws)
    scene.ask("one")
    finish, calls = DynamoAnswers.finish, []

    def without_reply(self: DynamoAnswers, *args: Any) -> Any:
        calls.append(finish(self, *args))
        if len(calls) == 1:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")
        return calls[-1]

    monkeypatch.setattr(DynamoAnswers, "finish", without_reply)
    assert (await scene.run())["answered"] == 1
    assert len(calls) == 2
    (prompt,) = scene.backend.prompts
    tokens = sum(len(message.content.split()) for message in prompt.messages)
    assert scene.record()["bedrock_usd"] == pytest.approx((tokens * 100 + 4 * 1000) / 1e6)
    assert scene.record()["bedrock_messages"] == 1


@in_jumping_time
async def test_prompt_that_bedrock_rejects_ends_as_that_messages_error(aws: Aws) -> None:
    scene = Scene(aws)
    bad, _ = scene.ask("bad")
    good, _ = scene.ask("good")

    def reject(prompt: Prompt) -> None:
        if prompt.messages[-1].content == "bad":
            raise PromptRejected("Bedrock's content filter stopped the answer.", "content_filter")

    scene.backend.answering = reject
    assert await scene.run() == {"session_id": SESSION, "answered": 1, "left": 0}
    assert scene.answer_to(bad)["error"]["code"] == "content_filter"
    assert "backend" not in scene.answer_to(bad)
    assert scene.answer_to(good)["status"] == "answered"


@in_jumping_time
async def test_history_that_is_too_long_is_shortened_as_the_worker_does(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    await scene.run()
    scene.ask("two", conversation)

    def reject(prompt: Prompt) -> None:
        if len(prompt.messages) > 2:
            raise PromptRejected("The prompt is longer than the model's context.", "context_length_exceeded")

    scene.backend.answering = reject
    assert (await scene.run())["answered"] == 1
    assert [one.content for one in scene.backend.prompts[-1].messages[1:]] == ["two"]
    scene.context_tokens = 128
    scene.ask("three", conversation)
    scene.backend.answering = lambda prompt: None
    await scene.run()
    assert [one.content for one in scene.backend.prompts[-1].messages[1:]] == ["three"], "our own context counts"


@in_jumping_time
async def test_what_converse_has_no_word_for_is_left(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("be wild", temperature=1.5)
    assert await scene.run() == {"session_id": SESSION, "answered": 0, "left": 1}
    assert scene.pending() == [message] and scene.answer_to(conversation)["status"] == "queued"


@in_jumping_time
async def test_throttled_calls_are_made_again_after_a_pause(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    scene.backend.throttled = 4
    assert (await scene.run())["answered"] == 1
    assert asyncio.get_running_loop().time() > 0.5 + 1 + 2 + 4


@in_jumping_time
async def test_bedrock_that_throttles_to_the_end_leaves_it_all_in_time(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    scene.backend.throttled = 10_000
    assert (await scene.run())["answered"] == 0
    assert asyncio.get_running_loop().time() < SECONDS
    assert scene.backend.throttled > 10_000 - 60
    assert len(scene.pending()) == 1


@in_jumping_time
async def test_call_that_hangs_does_not_outlive_the_function(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    scene.backend.seconds_per_token = 10_000
    await scene.run()
    assert asyncio.get_running_loop().time() <= SECONDS + 1
    assert len(scene.pending()) == 1


@in_jumping_time
async def test_bedrock_that_cannot_be_asked_is_asked_once(aws: Aws) -> None:
    scene = Scene(aws)
    for number in range(20):
        scene.ask(str(number))
    asked: list[Prompt] = []

    def refuse(prompt: Prompt) -> None:
        asked.append(prompt)
        raise BackendUnavailable("The model is not enabled.")

    scene.backend.answering = refuse
    assert (await scene.run())["answered"] == 0
    assert len(asked) <= 8, "those that were in flight"
    assert len(scene.pending()) == 20


@in_jumping_time
async def test_call_that_fails_is_tried_thrice(aws: Aws) -> None:
    scene = Scene(aws)
    for _ in range(3):
        scene.backend.fail_next(EngineFailed("ModelErrorException"))
    conversation, _ = scene.ask("one")
    scene.ask("two", conversation)
    assert await scene.run() == {"session_id": SESSION, "answered": 0, "left": 1}
    assert len(scene.pending()) == 2, "none overtakes the one before it"


@in_jumping_time
async def test_nothing_is_answered_beside_another_session_that_has_a_gpu(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    aws.put(**keys.gpu_slot_key(1), session_id="ses_2")
    aws.put(**session_item("ses_2", instance_id="i-2"))
    assert (await scene.run())["answered"] == 0
    aws.put(**session_item("ses_2", instance_id="i-2", end_requested=True))
    assert (await scene.run())["answered"] == 1, "one that is on its way to its end takes nothing more"


@in_jumping_time
async def test_session_that_is_only_launching_has_nobody_who_answers(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    aws.put(**keys.gpu_slot_key(1), session_id="ses_2")
    aws.put(**session_item("ses_2", status="launching", launches=[]))
    assert (await scene.run())["answered"] == 1


@in_jumping_time
async def test_off_means_off_for_what_was_accepted_until_then(aws: Aws) -> None:
    scene = Scene(aws)
    _, before = scene.ask("before")
    at = ids.timestamp(bootstrap.aws.clock())
    scene.aws.items.update(
        keys.session_key(SESSION), "SET end_requested = :y, end_requested_at = :t", {":y": True, ":t": at}
    )
    await asyncio.sleep(0)
    for item in aws.items.query(keys.PENDING):
        aws.put(**{**item, "created_at": ids.timestamp(bootstrap.aws.clock() - timedelta(seconds=1))})
    _, after = scene.ask("after")
    pending = aws.items.get(keys.pending_key(after)) or {}
    aws.put(**{**pending, "created_at": ids.timestamp(bootstrap.aws.clock() + timedelta(seconds=1))})
    assert (await scene.run())["answered"] == 1
    assert scene.pending() == [before]


@in_jumping_time
async def test_gpu_that_is_switched_off_meanwhile_stops_what_was_not_begun(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    _, second = scene.ask("two", conversation)
    later = bootstrap.aws.clock() + timedelta(seconds=1)
    scene.backend.answering = lambda prompt: scene.sessions.request_end(SESSION, later, "ana") and None
    assert (await scene.run())["answered"] == 1
    assert scene.pending() == [second]


@in_jumping_time
async def test_session_that_has_used_up_its_cap_is_answered_no_more(aws: Aws) -> None:
    scene = Scene(aws, spend_notice=100, spend_notice_cap="session")
    scene.ask("one")
    assert (await scene.run())["answered"] == 0 and scene.backend.prompts == []


def spent(scene: Scene, usd: float) -> None:
    """By others; the scene's session has reserved nothing beyond that any more."""
    scene.purse.release(MONTH, SESSION)
    scene.purse.settle(MONTH, "ses_0", CountedCost(exact(usd), ids.timestamp(NOW)))
    scene.purse.reserve(reserved(SESSION, 0.02))


@pytest.mark.parametrize(
    ("month_usd", "answered"),
    [(18.9, 1), (19.5, 0)],
    ids=["it fits", "it would be beyond the cap"],
)
@in_jumping_time
async def test_no_call_is_made_that_could_take_the_month_beyond_its_cap(
    aws: Aws, month_usd: float, answered: int
) -> None:
    scene = Scene(aws)
    scene.ask("one", max_tokens=1000)  # 1 USD at most
    spent(scene, month_usd)
    assert await scene.run() == {"session_id": SESSION, "answered": answered, "left": 1 - answered}
    assert len(scene.backend.prompts) == answered


@in_jumping_time
async def test_calls_in_flight_together_stay_under_the_cap(aws: Aws) -> None:
    scene = Scene(aws)
    for number in range(8):
        scene.ask(str(number), max_tokens=1000)
    spent(scene, 17.5)
    result = await scene.run()
    assert scene.backend.most_running == 2, "each may cost a dollar, and two and a half are left"
    assert (result["answered"], result["left"]) == (2, 6)


@in_jumping_time
async def test_what_the_lost_gpu_cost_and_the_sessions_own_cap_count(aws: Aws) -> None:
    an_hour_ago = ids.timestamp(NOW - timedelta(hours=1))
    bought = [launch_item(launched_at=an_hour_ago, price_per_hour_usd=3.5, price_source="test")]
    scene = Scene(aws, launches=bought)
    scene.ask("one", max_tokens=1000)
    assert (await scene.run())["answered"] == 0
    scene.session_cap_usd = 5.0
    assert (await scene.run())["answered"] == 1


@in_jumping_time
async def test_month_holds_what_a_session_that_still_runs_can_cost(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one", max_tokens=1000)
    spent(scene, 17.0)
    scene.purse.reserve(reserved("ses_2", 2.5))
    assert (await scene.run())["answered"] == 0
    scene.purse.shrink(MONTH, "ses_2", 1.5)
    assert (await scene.run())["answered"] == 1


@in_jumping_time
async def test_what_the_answers_cost_is_all_that_the_session_holds_in_the_end(aws: Aws) -> None:
    scene = Scene(aws)
    for number in range(3):
        scene.ask(str(number), max_tokens=1000)
    assert (await scene.run())["answered"] == 3
    (held,) = scene.purse.month(MONTH).reservations
    assert (held.name, float(held.usd)) == (SESSION, pytest.approx(scene.record()["bedrock_usd"] + wake_usd()))


@pytest.mark.parametrize("why", [PromptRejected("no", "context_length_exceeded"), EngineFailed("broken")])
@in_jumping_time
async def test_a_call_that_fails_holds_nothing(aws: Aws, why: Exception) -> None:
    def fail(prompt: Prompt) -> None:
        raise why

    scene = Scene(aws)
    scene.ask("one")
    scene.backend.answering = fail
    await scene.run()
    assert [(one.name, float(one.usd)) for one in scene.purse.month(MONTH).reservations] == [
        (SESSION, pytest.approx(wake_usd()))
    ]


@in_jumping_time
async def test_unknown_price_is_guarded_as_a_dear_one_and_said_to_be_unknown(aws: Aws) -> None:
    scene = Scene(aws)
    scene.price = TokenPrice(None, None, "unknown: bedrock_prices.csv has no price")
    scene.ask("one")
    await scene.run()
    record = scene.record()
    assert record["bedrock_price_unknown"] is True
    tokens = record["bedrock_prompt_tokens"] + record["bedrock_completion_tokens"]
    assert record["bedrock_usd"] == pytest.approx(tokens * 15 / 1e6)


@in_jumping_time
async def test_session_that_is_closed_meanwhile_gets_no_new_call_and_its_late_cost_is_in_the_ledger_once(
    aws: Aws,
) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.ask("two", conversation)
    month = ids.timestamp(NOW)[:7]

    def stop(prompt: Prompt) -> None:
        """The execution was stopped and the reaper has closed the session; the function does not hear of it."""
        at = ids.timestamp(NOW)
        lost = SessionEnd(
            status=SessionStatus.FAILED, outcome=Outcome.FAILED, error="SessionLost", terminated_at=at, ended_at=at
        )
        scene.sessions.close(session_record(SESSION, created_at=scene.record()["created_at"]), lost, 0.0)

    scene.backend.answering = stop
    assert (await scene.run())["answered"] == 1
    assert len(scene.backend.prompts) == 1
    assert LedgerStore(scene.aws.items).spent(month) == pytest.approx(scene.record()["bedrock_usd"])
    await scene.run()
    assert LedgerStore(scene.aws.items).spent(month) == pytest.approx(scene.record()["bedrock_usd"])


@in_jumping_time
async def test_session_that_nobody_knows_is_answered_nothing(aws: Aws) -> None:
    scene = Scene(aws)
    scene.ask("one")
    aws.items.delete(keys.session_key(SESSION))
    assert (await scene.run())["answered"] == 0


@pytest.mark.usefixtures("aws")
def test_stack_without_bedrock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEDROCK_MODEL_ID", "")
    with pytest.raises(MissingSetting, match="without Bedrock"):
        bootstrap.answer_chats.build()
