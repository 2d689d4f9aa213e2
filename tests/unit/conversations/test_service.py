"""Accepting messages: each is kept and queued, or refused and not kept."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import bootstrap, ids
from foreverus.api import schemas
from foreverus.api.requests import RequestAttempt
from foreverus.api.responses import json_response
from foreverus.aws import keys
from foreverus.aws.sqs import MessageIds
from foreverus.backends.port import BackendName
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.records import MessageRef, PartialAnswer
from foreverus.conversations.service import ConversationService
from foreverus.conversations.sizes import MOST_QUESTION_BYTES
from foreverus.errors import InvalidRequest, NotAccepted, NotFound, SpendCapReached
from foreverus.sessions.pending import PendingWorkStore
from foreverus.sweeps.messages import StuckMessages
from foreverus.sweeps.sweep import sweep
from tests.unit.conftest import Aws

Item = dict[str, Any]


class Broken:
    def send(self, message: MessageIds) -> None:
        raise ConnectionError


def service() -> ConversationService:
    """Of a deployment whose chats are the GPU's: test_choosing.py has the others."""
    real = bootstrap.api.build().conversations
    return replace(real, chooser=replace(real.chooser, stack=BackendName.GPU))


def test_an_accepted_message_is_kept_promised_and_queued(aws: Aws) -> None:
    conversation = service().create("user-1")
    posted = service().post("user-1", conversation["id"], {"content": "Olá", "max_tokens": 5})
    message_id = posted["message"]["id"]
    assert posted["answer"]["status"] == "queued"
    assert posted["session"]["status"] == "requested"
    assert aws.items.get(keys.pending_key(message_id))
    (queued,) = aws.queued()
    assert json.loads(queued["Body"]) == {
        "message_id": message_id,
        "conversation_id": conversation["id"],
        "user_id": "user-1",
    }
    question = aws.items.get(keys.question_key(conversation["id"], message_id)) or {}
    assert question["options"] == {"max_tokens": 5}


def test_a_repeated_request_is_the_same_message(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    first = service().post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))
    again = service().post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))
    other = service().post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k2"))
    assert first["message"] == again["message"] != other["message"]
    assert len(service().messages("user-1", conversation, {})["data"]) == 4


def test_a_message_that_cannot_be_queued_is_not_kept_and_can_be_sent_again(aws: Aws) -> None:
    real = service()
    conversation = real.create("user-1")["id"]
    broken = replace(real, queue=Broken())
    with pytest.raises(NotAccepted):
        broken.post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))
    assert real.messages("user-1", conversation, {})["data"] == []
    assert list(aws.items.query(keys.PENDING)) == []
    assert real.post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))["answer"]["status"] == "queued"


def test_a_message_that_somebody_answers_was_queued_although_its_sending_failed(aws: Aws) -> None:
    class Lost:
        """SQS has the message each time that the SDK tried; a worker has begun, and nobody ever heard of it."""

        def send(self, message: MessageIds) -> None:
            answers = DynamoAnswers(aws.items)
            begun = PartialAnswer("Ol", 1)
            answers.checkpoint(MessageRef(message.message_id, conversation, "user-1"), begun, "ses_1")
            raise ConnectionError

    real = service()
    conversation = real.create("user-1")["id"]
    lost = replace(real, queue=Lost())
    accepted = lost.post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))["message"]
    assert aws.items.get(keys.pending_key(accepted["id"]))
    shown = real.messages("user-1", conversation, {})["data"]
    assert [(one["id"], one["content"]) for one in shown] == [(accepted["id"], "Olá"), (shown[1]["id"], "Ol")]
    assert (
        real.post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))["message"]["id"] == accepted["id"]
    )


def test_somebody_elses_conversation_does_not_exist(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    for call in (
        lambda: service().get("user-2", conversation),
        lambda: service().messages("user-2", conversation, {}),
        lambda: service().delete("user-2", conversation),
        lambda: service().post("user-2", conversation, {"content": "Olá"}),
    ):
        with pytest.raises(NotFound):
            call()
    assert list(aws.items.query(keys.PENDING)) == []


def test_a_deleted_conversation_leaves_nothing_to_answer(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    service().post("user-1", conversation, {"content": "Olá"})
    service().delete("user-1", conversation)
    assert list(aws.items.query(keys.PENDING)) == []
    assert list(aws.items.query(keys.messages_partition(conversation))) == []


def test_a_message_that_cannot_fit_the_context_is_refused_before_it_is_kept(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    for content in ["palavra " * 2048, "x" * 24 * 2048]:
        with pytest.raises(InvalidRequest, match=r"at least 2,048 tokens; the model's context holds 2,048"):
            service().post("user-1", conversation, {"content": content})
    assert service().messages("user-1", conversation, {})["data"] == []


def test_what_cannot_fit_beside_the_conversations_own_words_is_refused_too(aws: Aws) -> None:
    conversation = service().create("user-1", system="seja breve " * 300)["id"]
    with pytest.raises(InvalidRequest, match="at least 2,048 tokens"):
        service().post("user-1", conversation, {"content": "palavra " * (2048 - 600)})
    assert service().post("user-1", conversation, {"content": "palavra " * 600})["message"]


def test_null_asks_for_our_default(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    asked = schemas.check("message_create", {"content": "Oi", "max_tokens": None, "temperature": None})
    message = service().post("user-1", conversation, asked)["message"]
    assert message["content"] == "Oi"


def test_conversations_are_listed_newest_first_page_by_page(aws: Aws) -> None:
    made = [service().create("user-1", title=str(number))["id"] for number in range(3)]
    first = service().list_conversations("user-1", {"limit": "2"})
    assert first["has_more"]
    rest = service().list_conversations("user-1", {"limit": "2", "after": first["data"][-1]["id"]})
    assert [item["id"] for item in first["data"] + rest["data"]] == sorted(made, reverse=True)
    assert not rest["has_more"]


def test_a_crash_between_table_and_queue_is_mended(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    message_id = service().post("user-1", conversation, {"content": "Olá"})["message"]["id"]
    for message in aws.queued():
        bootstrap.aws.client("sqs").delete_message(QueueUrl=aws.queue_url, ReceiptHandle=message["ReceiptHandle"])

    stuck = bootstrap.sweep.duties()["stuck messages"]
    assert isinstance(stuck, StuckMessages)
    later = replace(stuck, clock=lambda: bootstrap.aws.clock() + timedelta(minutes=15))
    assert sweep({"messages": later}) == {"messages": [f"{message_id} queued again"]}
    assert PendingWorkStore(aws.items).messages()[0].message_id == message_id


def month_at_its_cap(aws: Aws) -> None:
    aws.put(**keys.ledger_total_key(ids.timestamp(bootstrap.aws.clock())[:7]), spent_usd=20.0)


def test_message_that_no_gpu_may_be_bought_for_is_refused_and_not_kept(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    month_at_its_cap(aws)
    with pytest.raises(SpendCapReached):
        service().post("user-1", conversation, {"content": "Olá"})
    assert service().messages("user-1", conversation, {})["data"] == []
    assert aws.queued() == []


def test_message_to_a_live_session_is_accepted_at_the_cap(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    service().post("user-1", conversation, {"content": "Olá"})  # starts a session
    month_at_its_cap(aws)
    assert service().post("user-1", conversation, {"content": "Tudo bem?"})["session"]["status"] == "requested"


def test_message_that_was_accepted_before_the_cap_is_not_refused_when_it_is_repeated(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    first = service().post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))
    aws.items.delete(keys.GPU_SLOT)
    month_at_its_cap(aws)
    assert (
        service().post("user-1", conversation, {"content": "Olá"}, RequestAttempt("k1"))["message"] == first["message"]
    )


def test_what_still_waits_at_the_cap_ends_in_its_error_within_five_minutes(aws: Aws) -> None:
    conversation = service().create("user-1")["id"]
    service().post("user-1", conversation, {"content": "Olá"})
    aws.items.delete(keys.GPU_SLOT)
    month_at_its_cap(aws)
    bootstrap.sweep.run()
    _, answer = service().messages("user-1", conversation, {})["data"]
    assert (answer["status"], answer["error"]["code"]) == ("failed", "SpendCapReached")
    assert "MonthlyCapUsd" in answer["error"]["message"]
    assert list(aws.items.query(keys.PENDING)) == []


def conversation_of(aws: Aws, contents: list[str], answer: str = "!") -> str:
    """Its questions have these contents; all but the last are answered."""
    conversation = str(service().create("user-1")["id"])
    for number, content in enumerate(contents):
        named = {"message_id": f"msg_{number:04}", "conversation_id": conversation, "user_id": "user-1"}
        question = {"content": content, "created_at": "2026-01-01T00:00:00.000Z"}
        aws.put(**keys.question_key(conversation, named["message_id"]), **named, **question)
        if number < len(contents) - 1:
            aws.put(**keys.answer_key(conversation, named["message_id"]), **named, content=answer, status="answered")
    return conversation


def pages(conversation: str, query: dict[str, str]) -> list[list[Any]]:
    found: list[list[Any]] = []
    after: dict[str, str] = {}
    while True:
        page = service().messages("user-1", conversation, {**query, **after})
        assert len(json.dumps(json_response(200, page))) < 6_000_000  # what Lambda takes
        found.append(page["data"])  # type: ignore[arg-type]
        if not page["has_more"]:
            return found
        after = {"after": found[-1][-1]["id"]}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", ["1", "2", "3", "7", "100"])
def test_messages_come_a_page_at_a_time_each_once_and_in_order(aws: Aws, limit: str, order: str) -> None:
    conversation = conversation_of(aws, [str(number) for number in range(6)])
    expected = [f"{kind}_{number:04}" for number in range(6) for kind in ("msg", "ans")]
    found = pages(conversation, {"limit": limit, "order": order})
    assert all(len(page) == int(limit) for page in found[:-1])
    shown = [one["id"] for page in found for one in page]
    assert shown == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize("character", ["x", '"', "\n", "\x01", "é", "語", "😀"])
def test_no_page_is_more_than_lambda_gives_out(aws: Aws, character: str) -> None:
    content = character * (56_000 // len(character.encode()))
    conversation = conversation_of(aws, [content] * 110, content)
    found = pages(conversation, {})
    assert sum(len(page) for page in found) == 220
    assert len({one["id"] for page in found for one in page}) == 220


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"after": "nope"}, "after"),
        ({"after": "msg_9999"}, "after"),
        ({"after": "conv_0001"}, "after"),
        ({"limit": "0"}, "limit"),
        ({"limit": "abc"}, "limit"),
        ({"order": "up"}, "order"),
    ],
)
def test_a_wrong_query_is_refused_by_name(aws: Aws, query: dict[str, str], param: str) -> None:
    conversation = conversation_of(aws, ["a", "b"])
    with pytest.raises(InvalidRequest) as refused:
        service().messages("user-1", conversation, query)
    assert refused.value.param == param


@pytest.mark.parametrize("character", ["\U0001f600", "─", "x"])
def test_a_message_that_no_item_holds_is_refused_whatever_the_context_holds(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    """The largest context is 32,768 tokens, of which each may stand for 24 bytes."""
    monkeypatch.setenv("CONTEXT_TOKENS", "32768")
    conversation = service().create("user-1")["id"]
    fits = character * (MOST_QUESTION_BYTES // len(character.encode()))
    assert service().post("user-1", conversation, {"content": fits})["answer"]["status"] == "queued"
    with pytest.raises(InvalidRequest) as caught:
        service().post("user-1", conversation, {"content": fits + character})
    assert (caught.value.param, caught.value.reason) == ("content", "context_length_exceeded")
    assert len(service().messages("user-1", conversation, {})["data"]) == 2
