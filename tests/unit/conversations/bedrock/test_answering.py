"""A chat on Bedrock: streamed as it is written, saved once, in its conversation's order, within the cap."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus.aws import keys
from foreverus.backends.port import BackendName, Prompt
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock import writing
from foreverus.conversations.bedrock.asking import CALL_S, begin_writes
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.lease import LEASE, LeaseStore
from foreverus.conversations.records import BedrockCharge, MessageRef, PartialAnswer
from foreverus.costs.money import exact
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from foreverus.sessions.records import Trigger
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.killing import killed_at
from tests.unit.conversations.bedrock.scene import SECONDS, USER, Scene
from tests.unit.worker.harness import in_jumping_time


def nothing_left(scene: Scene) -> None:
    assert scene.waiting() == {"gpu": [], "bedrock": []}
    assert scene.reserved() == []


@in_jumping_time
async def test_it_is_streamed_saved_and_paid_for(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("What colour is the sea?")
    scene.watch(conversation)
    assert await scene.run(conversation) == "done"
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["content"], answer["finish_reason"]) == ("answered", "The sea is blue ", "stop")
    assert answer["backend"] == "bedrock" and "session_id" not in answer
    *deltas, last = scene.push.frames["page"]
    assert len(deltas) >= 3 and {one["type"] for one in deltas} == {"delta"}
    assert (last["type"], last["message"]) == ("message", answer)
    assert scene.push.text_of("page") == answer["content"]
    (prompt,) = scene.backend.prompts
    usd = scene.price_of(prompt, 4)
    assert answer["cost_usd"] == pytest.approx(usd)
    assert scene.entries() == {f"{conversation}/{message}": pytest.approx(usd)}
    assert scene.spent() == pytest.approx(usd)
    used = scene.used()
    assert (used["bedrock_chat_messages"], used["bedrock_chat_completion_tokens"]) == (1, 4)
    assert used["bedrock_chat_usd"] == pytest.approx(usd)
    assert aws.items.get(keys.answered_key(keys.NO_SESSION, message)), "PostgreSQL gets it"
    nothing_left(scene)
    assert await scene.run(conversation) == "done" and len(scene.backend.prompts) == 1


@in_jumping_time
async def test_what_there_is_of_it_is_kept_every_half_second(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    kept: list[str] = []

    def look(number: int) -> None:
        item = aws.items.get(keys.answer_key(conversation, message)) or {}
        kept.append(item.get("content", ""))

    scene.backend.at_word = look
    scene.backend.seconds_per_token = 0.6
    await scene.run(conversation)
    assert kept[1:4] == ["The ", "The sea ", "The sea is "]


@in_jumping_time
async def test_a_conversation_is_answered_in_its_order_and_who_writes_meanwhile_too(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.ask("two", conversation)
    other, _ = scene.ask("other")

    def come(prompt: Prompt) -> None:
        if prompt.messages[-1].content == "two":
            scene.ask("three", conversation)

    scene.backend.answering = come
    await scene.run(conversation)
    asked = [[one.content for one in prompt.messages[1:]] for prompt in scene.backend.prompts]
    said = "The sea is blue "
    assert asked == [["one"], ["one", said, "two"], ["one", said, "two", said, "three"]]
    assert scene.answer_to(other)["status"] == "queued", "another conversation is another call's"


@in_jumping_time
async def test_one_call_at_a_time_and_none_that_comes_between_is_missed(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    states = await asyncio.gather(*(scene.run(conversation) for _ in range(3)))
    assert sorted(states) == ["done", "in work", "in work"]
    assert len(scene.backend.prompts) == 1
    give_back = LeaseStore.give_back

    def late(self: LeaseStore, *which: str, ended: bool) -> None:
        scene.ask("late", conversation) if len(scene.backend.prompts) == 2 else None
        give_back(self, *which, ended=ended)

    scene.ask("two", conversation)
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(LeaseStore, "give_back", late)
        assert await scene.run(conversation) == "done"
    assert [one["status"] for one in scene.answers(conversation)] == ["answered"] * 3
    assert not LeaseStore(aws.items, scene.clock).is_held(conversation)


@in_jumping_time
async def test_no_call_is_begun_that_the_functions_time_could_cut_off(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "CHECKPOINT_S", 60.0)
    scene = Scene(aws)
    scene.backend.seconds_per_token = 75.0  # five minutes
    conversation, _ = scene.ask("one")
    _, second = scene.ask("two", conversation)
    assert await scene.run(conversation) == "handed over"
    assert scene.waiting()["bedrock"] == [second] and len(scene.backend.prompts) == 1
    assert scene.calls.events == [{"conversation_id": conversation, "user_id": USER}]
    assert await scene.run(conversation) == "done"
    assert [one["status"] for one in scene.answers(conversation)] == ["answered", "answered"]
    nothing_left(scene)
    with pytest.raises(ValueError, match="an answer may take"):
        await scene.run(conversation, CALL_S - 1)


@in_jumping_time
async def test_an_answer_that_never_ends_ends_before_the_function_does(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "CHECKPOINT_S", 60.0)
    scene = Scene(aws)
    scene.backend = type(scene.backend)("word " * 100)
    scene.backend.seconds_per_token = 10.0
    conversation, _ = scene.ask("one")
    await scene.run(conversation)
    assert asyncio.get_running_loop().time() <= SECONDS + 10
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["finish_reason"]) == ("answered", "length") and answer["content"] == "word " * 86
    assert scene.spent() > 0.086, "what is not read to its end is paid for, by estimate"
    nothing_left(scene)


# ---- what Bedrock does ----


@in_jumping_time
async def test_a_stream_that_breaks_is_written_anew_in_the_beginnings_place(aws: Aws) -> None:
    scene = Scene(aws)
    scene.backend.fail_next(EngineFailed("modelStreamErrorException"), 2)
    scene.backend.fail_next(EngineBusy("throttlingException"), 3)
    conversation, _ = scene.ask("one")
    scene.watch(conversation)
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "The sea is blue " == scene.push.text_of("page")
    deltas = [frame for frame in scene.push.frames["page"] if frame["type"] == "delta"]
    assert len([one for one in deltas if one["offset"] == 0]) == 3, "those who watch see it begin again"
    assert scene.spent() > 2 * scene.price_of(scene.backend.prompts[0], 2), "what broke off is paid for too"
    assert list(scene.entries().values()) == [pytest.approx(scene.used()["bedrock_chat_usd"])]
    assert scene.answer_to(conversation)["usage"]["completion_tokens"] == 4
    nothing_left(scene)


@in_jumping_time
async def test_throttled_calls_are_made_again_after_a_pause(aws: Aws) -> None:
    scene = Scene(aws)
    for _ in range(4):
        scene.backend.fail_next(EngineBusy("ThrottlingException"))
    conversation, _ = scene.ask("one")
    await scene.run(conversation)
    assert scene.answer_to(conversation)["status"] == "answered" and len(scene.backend.prompts) == 5
    assert asyncio.get_running_loop().time() > (0.5 + 1 + 2 + 4) / 2
    assert scene.spent() == pytest.approx(scene.price_of(scene.backend.prompts[0], 4)), "a refusal costs nothing"


@in_jumping_time
async def test_a_filters_end_is_an_error_that_is_paid_for(aws: Aws) -> None:
    scene = Scene(aws)
    scene.backend.reason = "content_filter"
    conversation, _ = scene.ask("one")
    await scene.run(conversation)
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "content_filter")
    assert scene.spent() > 0
    nothing_left(scene)


@pytest.mark.parametrize("reason", ["prompt_rejected", "content_filter", "context_length_exceeded"])
@in_jumping_time
async def test_what_bedrock_rejects_ends_in_that_error(aws: Aws, reason: str) -> None:
    scene = Scene(aws)
    scene.backend.fail_next(PromptRejected("No.", reason))
    conversation, _ = scene.ask("bad")
    scene.ask("good", conversation)
    await scene.run(conversation)
    bad, good = scene.answers(conversation)
    assert bad["error"] == {"code": reason, "message": "No."} and good["status"] == "answered"
    nothing_left(scene)


@in_jumping_time
async def test_history_that_is_too_long_is_shortened_as_the_worker_does(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    await scene.run(conversation)
    scene.ask("two", conversation)
    scene.backend.fail_next(PromptRejected("Too long.", "context_length_exceeded"))
    await scene.run(conversation)
    assert [one.content for one in scene.backend.prompts[-1].messages[1:]] == ["two"]
    assert scene.answer_to(conversation)["trimmed_messages"] == 2


# ---- Bedrock cannot: the GPU, or one clear error ----

CANNOT: dict[str, tuple[Any, str]] = {
    "throttled for too long": (lambda: EngineBusy("ThrottlingException"), "bedrock_throttled"),
    "no access": (lambda: BackendUnavailable("AccessDeniedException"), "bedrock_unavailable"),
    "each call breaks off": (lambda: EngineFailed("ModelErrorException"), "bedrock_failed"),
    "no word for it": (lambda: PromptRejected("No.", "unsupported_parameter"), "unsupported_parameter"),
}


@pytest.mark.parametrize("why", CANNOT)
@in_jumping_time
async def test_what_bedrock_cannot_answer_goes_to_the_gpu_with_all_that_waits_behind_it(aws: Aws, why: str) -> None:
    scene = Scene(aws)
    error, _ = CANNOT[why]
    for _ in range(100):
        scene.backend.fail_next(error())
    conversation, first = scene.ask("one")
    _, second = scene.ask("two", conversation)
    assert await scene.run(conversation) == "done"
    assert scene.waiting() == {"gpu": [first, second], "bedrock": []} and scene.spent() == 0
    queued = [one["Body"] for one in [*aws.queued(), *aws.queued()]]
    assert len(queued) >= 1 and first in queued[0]
    (session,) = scene.service.sessions.store.live_session_ids()
    assert scene.reserved() == [session], "one GPU is bought, and nothing is held for Bedrock"
    shown = scene.answers(conversation)
    assert [one.get("moved_from") for one in shown] == ["bedrock", None], "the person is told once"
    assert bool(scene.refusals.left_s()) == (why in ("throttled for too long", "no access"))
    moved = scene.pending.messages()[0]
    assert not moved.may_move and moved.moved_from is BackendName.BEDROCK


@pytest.mark.parametrize("why", CANNOT)
@in_jumping_time
async def test_what_may_not_go_to_the_gpu_ends_in_one_clear_error(aws: Aws, why: str) -> None:
    scene = Scene(aws)
    error, code = CANNOT[why]
    for _ in range(100):
        scene.backend.fail_next(error())
    conversation, _ = scene.ask("one", may_move=False)
    scene.watch(conversation)
    await scene.run(conversation)
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["error"]["code"]) == ("failed", code)
    assert "`backend: gpu`" in answer["error"]["message"]
    assert scene.push.frames["page"][-1]["message"] == answer
    assert scene.service.sessions.store.live_session_ids() == []
    nothing_left(scene)


@in_jumping_time
async def test_where_the_cap_holds_neither_it_ends_in_the_caps_error(aws: Aws) -> None:
    scene = Scene(aws, cap_usd=0.0001)
    conversation, _ = scene.ask("one")
    await scene.run(conversation)
    assert scene.answer_to(conversation)["error"]["code"] == "SpendCapReached"
    assert scene.backend.prompts == [] and scene.service.sessions.store.live_session_ids() == []
    nothing_left(scene)


# ---- what others do ----


@in_jumping_time
async def test_deleted_conversation_is_dropped_and_what_its_answer_cost_is_counted(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("delete me")

    def delete(prompt: Prompt) -> None:
        scene.service.delete(USER, conversation)

    scene.backend.answering = delete
    await scene.run(conversation)
    assert aws.items.get(keys.answer_key(conversation, message)) is None
    (entry,) = scene.entries()
    assert entry.startswith(f"{conversation}/{message}/unread/call_") and scene.spent() > 0
    nothing_left(scene)
    gone, message = scene.ask("never mind")
    aws.items.delete(keys.conversation_key(USER, gone))
    await scene.run(gone)
    assert aws.items.get(keys.answer_key(gone, message)) is None
    nothing_left(scene)


@in_jumping_time
async def test_each_of_several_calls_whose_answer_nobody_got_is_paid_for_once(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    ends, ref = scene.answering().writer.ends, MessageRef(message, conversation, USER)
    account, charge = CallAccount.of(ref, scene.clock()), BedrockCharge(10, 4, 0.005)
    for call in ("call_1", "call_2", "call_1"):
        ends.charge(ref, charge, account, call)
    assert scene.spent() == pytest.approx(0.01) and len(scene.entries()) == 2
    assert scene.used()["bedrock_chat_usd"] == pytest.approx(0.01)


@in_jumping_time
async def test_answer_that_somebody_else_saved_first_stays_and_ours_is_paid_for(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")

    def faster(number: int) -> None:
        final = {"message_id": message, "content": "first", "status": "answered", "session_id": "ses_2"}
        if number == 4:
            aws.put(**keys.answer_key(conversation, message), **final)

    scene.backend.at_word = faster
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "first" and scene.spent() > 0
    nothing_left(scene)
    assert await scene.run(conversation) == "done" and len(scene.backend.prompts) == 1


@in_jumping_time
async def test_a_call_whose_lease_is_over_leaves_the_conversation_to_the_next(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")

    def pause(number: int) -> None:
        scene.passed += LEASE * 2
        assert LeaseStore(aws.items, scene.clock).take(conversation, "another")

    scene.backend.at_word = pause
    scene.backend.seconds_per_token = 9.0
    with pytest.raises(Exception, match=conversation):
        await scene.run(conversation)
    assert scene.answer_to(conversation)["status"] == "answering"
    assert LeaseStore(aws.items, scene.clock).is_held(conversation), "it takes nothing away"


@in_jumping_time
async def test_page_that_cannot_be_reached_loses_no_answer(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.watch(conversation)
    for _ in range(50):
        scene.push.fail_next(ClientError({"Error": {"Code": "LimitExceededException"}}, "PostToConnection"))
    await scene.run(conversation)
    assert scene.answer_to(conversation)["status"] == "answered"


@in_jumping_time
async def test_what_asks_again_after_a_killed_call_pays_for_that_too(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    begun = {"message_id": message, "content": "The sea ", "status": "answering", "partial_tokens": 200}
    aws.put(**keys.answer_key(conversation, message), **begun, session_id="")
    scene.watch(conversation)
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "The sea is blue "
    assert scene.push.frames["page"][0]["offset"] == 0 and not scene.backend.prompts[0].continues
    assert scene.spent() > 0.2


@in_jumping_time
async def test_what_several_killed_calls_wrote_is_all_paid(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    begun = {"message_id": message, "content": "The sea ", "status": "answering", "partial_tokens": 200}
    aws.put(**keys.answer_key(conversation, message), **begun, session_id="")
    for seconds in (0.3, 1.3):  # before its first word, and after two
        killed = asyncio.create_task(scene.run(conversation))
        await asyncio.sleep(seconds)
        killed.cancel()
        await asyncio.wait([killed])
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "The sea is blue "
    assert scene.answer_to(conversation)["usage"]["completion_tokens"] == 4
    assert scene.spent() > 0.2


@in_jumping_time
async def test_what_a_gpu_began_is_written_anew_and_not_paid_twice(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    begun = {"message_id": message, "content": "The sea ", "status": "answering", "partial_tokens": 200}
    aws.put(**keys.answer_key(conversation, message), **begun, session_id="ses_1")
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "The sea is blue "
    assert scene.spent() == pytest.approx(scene.price_of(scene.backend.prompts[0], 4))


# ---- a crash before and after each write ----


MOST_WRITES = 40


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("trouble", ["none", "breaks off", "throttled"])
@in_jumping_time
async def test_killed_at_any_write_there_is_one_answer_once_paid_and_nothing_reserved(
    aws: Aws, after: bool, trouble: str
) -> None:
    struck = 0
    for nth in range(MOST_WRITES):
        scene = Scene(aws)
        scene._names = 1000 * (nth + 1)
        before = scene.spent()
        scene.backend.seconds_per_token = 0.2
        if trouble == "breaks off":
            scene.backend.fail_next(EngineFailed("cut"), 2)
        if trouble == "throttled":
            scene.backend.fail_next(EngineBusy("ThrottlingException"))
        conversation, message = scene.ask("one")
        asked = [message] if trouble != "none" else [message, scene.ask("two", conversation)[1]]
        died = await killed_at(scene, conversation, nth, after)
        struck += died
        await asyncio.sleep(LEASE.total_seconds() + 1)  # Lambda calls again after a minute
        assert await scene.run(conversation) == "done"
        shown = scene.answers(conversation)
        assert [one["status"] for one in shown] == ["answered"] * len(asked), f"killed at write {nth}"
        assert [one["content"] for one in shown] == ["The sea is blue "] * len(asked)
        nothing_left(scene)
        mine = {name: usd for name, usd in scene.entries().items() if name.startswith(conversation)}
        assert mine.keys() == {f"{conversation}/{one}" for one in asked}
        assert scene.spent() - before == pytest.approx(sum(mine.values()))
        if not died:
            break
    assert 6 <= struck < MOST_WRITES
    assert scene.used()["bedrock_chat_usd"] == pytest.approx(scene.spent())
    month = scene.purse.month(scene.clock().strftime("%Y-%m"))
    assert float(month.committed) == pytest.approx(scene.spent())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@in_jumping_time
async def test_killed_while_it_moves_to_the_gpu_it_waits_in_one_place(aws: Aws, after: bool) -> None:
    for nth in range(MOST_WRITES):
        scene = Scene(aws)
        scene._names = 1000 * (nth + 1)
        for _ in range(10):
            scene.backend.fail_next(BackendUnavailable("AccessDeniedException"))
        conversation, message = scene.ask("one")
        died = await killed_at(scene, conversation, nth, after)
        await asyncio.sleep(LEASE.total_seconds() + 1)
        await scene.run(conversation)
        waiting = scene.waiting()
        assert (message in waiting["gpu"]) and waiting["bedrock"] == [], f"killed at write {nth}"
        assert all(name.startswith("ses_") for name in scene.reserved())
        if not died:
            break
    assert nth >= 4, "takes the lease, begins, moves it, gives back"


@in_jumping_time
async def test_answer_whose_saving_got_no_reply_is_saved_shown_and_paid_once(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.watch(conversation)
    finish, calls = MessageEnds.finish, []

    def without_reply(self: MessageEnds, *args: Any) -> Any:
        calls.append(finish(self, *args))
        if len(calls) == 1:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")
        return calls[-1]

    monkeypatch.setattr(MessageEnds, "finish", without_reply)
    await scene.run(conversation)
    assert len(calls) == 2 and scene.push.frames["page"][-1]["type"] == "message"
    assert scene.spent() == pytest.approx(scene.price_of(scene.backend.prompts[0], 4))
    nothing_left(scene)


@in_jumping_time
async def test_a_checkpoint_that_fails_stops_nothing(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any) -> bool:
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")

    monkeypatch.setattr(DynamoAnswers, "checkpoint", fails)
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    await scene.run(conversation)
    assert scene.answer_to(conversation)["content"] == "The sea is blue "


@pytest.mark.parametrize("lost", [False, True], ids=["in work", "after a kill"])
@in_jumping_time
async def test_an_answer_that_its_reader_stops_ends_with_what_there_is(aws: Aws, lost: bool) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    ref, answers = MessageRef(message, conversation, USER), DynamoAnswers(aws.items)
    if lost:
        assert answers.checkpoint(ref, PartialAnswer("The sea ", 2), "") and answers.request_stop(ref)
    scene.backend.seconds_per_token = 2.0
    scene.backend.at_word = lambda number: answers.request_stop(ref) and None if number == 2 else None
    scene.watch(conversation)
    await scene.run(conversation)
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["content"], answer["finish_reason"]) == ("answered", "The sea ", "stopped")
    assert asyncio.get_running_loop().time() < 7.0 and len(scene.backend.prompts) == (not lost)
    assert scene.push.frames["page"][-1]["message"] == answer and scene.spent() > 0
    nothing_left(scene)


@pytest.mark.parametrize("meanwhile", ["nothing", "answered", "stopped", "deleted", "moved"])
def test_that_it_is_begun_is_kept_with_its_reservation_or_neither(aws: Aws, meanwhile: str) -> None:
    """Between the look and the write the answer may get its end: then nobody is asked, and nothing set aside."""
    scene = Scene(aws)
    conversation, message = scene.ask("Hi")
    ref, now = MessageRef(message, conversation, USER), scene.clock()
    ends, account = MessageEnds(aws.items, scene.purse, scene.clock), CallAccount.of(ref, now)
    read = ends.ahead(ref, account)
    assert read.get(keys.conversation_key(USER, conversation))
    answer = keys.answer_key(conversation, message)
    if meanwhile == "deleted":
        aws.items.delete(keys.question_key(conversation, message))
    elif meanwhile == "moved":
        (waiting,) = scene.pending.on_bedrock()
        assert ends.move(waiting, account)
    elif meanwhile != "nothing":
        about = {"message_id": message, "conversation_id": conversation, "session_id": "", "content": "x"}
        stop = {"stop_requested": True, "status": "answering"} if meanwhile == "stopped" else {"status": "answered"}
        aws.put(**answer, **about, **stop)
    begin = begin_writes(ref, PartialAnswer("", 0))
    begun = ends.reserve(account, 0.01, now + LEASE, begin, read)
    assert begun is (meanwhile == "nothing")
    assert scene.reserved() == ([account.name] if begun else [])
    assert (aws.items.get(answer) or {}).get("content") == {"nothing": "", "deleted": None, "moved": None}.get(
        meanwhile, "x"
    )


@in_jumping_time
async def test_what_bedrock_took_is_noted_beside_the_answer_and_a_costly_hour_starts_a_gpu(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("What colour is the sea?")
    await scene.run(conversation)
    (cost,) = scene.entries().values()
    assert list(scene.demand.usd.values()) == [pytest.approx(exact(cost))]
    live = SessionStore(aws.items).live_session_ids
    assert live() == []
    scene.demand.spent(scene.clock(), 3.0)
    scene.ask("And the sky?", conversation)
    await scene.run(conversation)
    (session_id,) = live()
    found = SessionStore(aws.items).get(session_id)
    assert found and (found.trigger, found.owner) == (Trigger.CHATS, "chats")
    assert scene.waiting() == {"gpu": [], "bedrock": []}


@in_jumping_time
async def test_a_note_that_fails_does_not_fail_the_answer(aws: Aws) -> None:
    scene = Scene(aws)

    def fails(*_: object) -> None:
        raise ConnectionError("no table")

    scene.demand.spent = fails  # type: ignore[method-assign]
    conversation, _ = scene.ask("What colour is the sea?")
    assert await scene.run(conversation) == "done"
    assert scene.answer_to(conversation)["status"] == "answered"
    nothing_left(scene)
