"""What the table holds today, and held before, is read; what is written is what the architecture page says."""

from dataclasses import replace
from typing import Any

import pytest

from foreverus.aws import keys
from foreverus.aws.attribute_values import from_attribute_values, to_attribute_values
from foreverus.backends.port import BackendName, TokenUsage
from foreverus.choice.request_records import KeptChoice
from foreverus.conversations.items import (
    answer_from_item,
    conversation_from_item,
    conversation_to_item,
    final_attributes,
    messages_from_items,
    question_from_item,
    question_to_item,
)
from foreverus.conversations.records import (
    Answer,
    AnswerError,
    AnswerOptions,
    AnswerStatus,
    BedrockCharge,
    Conversation,
    FinishedAnswer,
    MessageRef,
    Question,
)
from foreverus.conversations.settings import changed
from foreverus.conversations.views import public_answer, public_conversation, public_messages
from foreverus.documents.sources import Source, Sources, WhyNone
from tests.unit.conftest import NOW

AT = "2026-01-01T12:00:00.000Z"
CONVERSATION: dict[str, Any] = {
    "pk": "USER#ana",
    "sk": "CONVERSATION#conv_1",
    "conversation_id": "conv_1",
    "user_id": "ana",
    "title": "The sea",
    "system": "Be brief.",
    "created_at": AT,
    "updated_at": AT,
}
QUESTION: dict[str, Any] = {
    "pk": "CONVERSATION#conv_1",
    "sk": "MESSAGE#msg_1#0",
    "message_id": "msg_1",
    "conversation_id": "conv_1",
    "user_id": "ana",
    "role": "user",
    "content": "Why?",
    "options": {"max_tokens": 5, "temperature": 0.5},
    "created_at": AT,
}
ANSWER_KEY = {"pk": "CONVERSATION#conv_1", "sk": "MESSAGE#msg_1#1"}
ANSWERING: dict[str, Any] = {
    "message_id": "msg_1",
    "conversation_id": "conv_1",
    "content": "Bec",
    "status": "answering",
    "session_id": "ses_1",
    "partial_tokens": 3,
    "counted_tokens": 2,
    "engine_failures": 1,
}
ANSWERED: dict[str, Any] = {
    "message_id": "msg_1",
    "conversation_id": "conv_1",
    "content": "Because.",
    "status": "answered",
    "session_id": "ses_1",
    "usage": {"prompt_tokens": 10, "completion_tokens": 7},
    "answered_at": AT,
    "finish_reason": "stop",
    "backend": "bedrock",
}
FAILED: dict[str, Any] = {
    "message_id": "msg_1",
    "conversation_id": "conv_1",
    "content": "",
    "status": "failed",
    "session_id": "ses_1",
    "usage": {"prompt_tokens": 0, "completion_tokens": 0},
    "answered_at": AT,
    "error": {"code": "NoGpuCapacity", "message": "No GPU."},
}


def test_a_conversation_comes_back_as_it_was() -> None:
    assert conversation_to_item(conversation_from_item(CONVERSATION)) == CONVERSATION


@pytest.mark.parametrize("options", [{}, {"max_tokens": 5}, {"temperature": 0}, {"max_tokens": 5, "temperature": 0.5}])
def test_a_question_comes_back_with_the_options_that_were_given(options: dict[str, Any]) -> None:
    item = {**QUESTION, "options": options}
    assert question_to_item(question_from_item(item)) == item


@pytest.mark.parametrize("item", [ANSWERED, FAILED])
def test_a_final_answer_comes_back_as_it_was(item: dict[str, Any]) -> None:
    assert final_attributes(answer_from_item({**ANSWER_KEY, **item})) == item


def test_an_answer_that_is_still_written_is_read_with_its_counts() -> None:
    assert answer_from_item({**ANSWER_KEY, **ANSWERING}) == Answer(
        message_id="msg_1",
        conversation_id="conv_1",
        status=AnswerStatus.ANSWERING,
        content="Bec",
        session_id="ses_1",
        partial_tokens=3,
        counted_tokens=2,
        engine_failures=1,
    )


def test_what_older_items_lack_has_a_default() -> None:
    assert conversation_from_item({"conversation_id": "conv_1"}) == Conversation(conversation_id="conv_1", user_id="")
    bare = {name: QUESTION[name] for name in ("message_id", "conversation_id", "content", "created_at")}
    expected = Question(message_id="msg_1", conversation_id="conv_1", user_id="", content="Why?", created_at=AT)
    assert question_from_item(bare) == expected and expected.options == AnswerOptions()
    answer = answer_from_item({"message_id": "msg_1", "status": "answered", "content": "Because."})
    assert (answer.usage, answer.backend, answer.error, answer.finish_reason) == (None, None, None, "")


def test_what_a_newer_version_writes_does_no_harm() -> None:
    assert conversation_from_item({**CONVERSATION, "backend": "elsewhere"}) == conversation_from_item(CONVERSATION)
    assert question_from_item({**QUESTION, "options": {"top_p": 1}}).options == AnswerOptions()
    item = {**ANSWERED, "status": "paused", "backend": "elsewhere", "usage": {"cached_tokens": 1}}
    answer = answer_from_item(item)
    assert (answer.status, answer.backend, answer.usage) == (AnswerStatus.ANSWERING, None, TokenUsage())
    assert not answer.status.is_final, "the table's conditions do not take it for final either"


@pytest.mark.parametrize(
    "numbers", [{}, {"gpu_usd": 1e-7, "gpu_status": "none", "bedrock_allowed": True, "gpu_slots": 0}]
)
def test_a_choice_is_kept_with_the_question_and_the_answer_as_it_was_made(numbers: dict[str, Any]) -> None:
    choice = KeptChoice(backend=BackendName.BEDROCK, reason="nothing_live", text="None is on.", numbers=numbers)
    question = replace(question_from_item(QUESTION), choice=choice)
    stored = from_attribute_values(to_attribute_values(question_to_item(question)))
    assert question_from_item(stored) == question
    answer = replace(answer_from_item(ANSWERED), choice=choice)
    kept = from_attribute_values(to_attribute_values(final_attributes(answer)))
    assert answer_from_item({**ANSWERED, **kept}).choice == choice
    elsewhere = {**QUESTION, "choice": {"backend": "elsewhere", "reason": "new"}}
    assert question_from_item(elsewhere).choice is None, "a backend that this version does not know"


def test_the_api_shows_a_bedrock_answer_with_its_backend_and_a_failed_one_with_its_error() -> None:
    question = question_from_item(QUESTION)
    shared = {
        "id": "ans_1",
        "object": "message",
        "conversation_id": "conv_1",
        "role": "assistant",
        "in_reply_to": "msg_1",
        "created_at": AT,
        "sources": None,
    }
    stored = ("content", "status", "session_id", "usage", "answered_at")
    assert public_answer(question, answer_from_item(ANSWERED)) == {
        **shared,
        **{name: ANSWERED[name] for name in (*stored, "finish_reason", "backend")},
    }
    assert public_answer(question, answer_from_item(FAILED)) == {
        **shared,
        **{name: FAILED[name] for name in (*stored, "error")},
    }
    assert answer_from_item(ANSWERED).backend is BackendName.BEDROCK
    assert answer_from_item(FAILED).error == AnswerError("NoGpuCapacity", "No GPU.")


def test_an_answers_sources_are_kept_and_shown_as_numbers_and_places() -> None:
    place = {"number": 1, "document_id": "doc_1", "page": 3, "start": 0, "end": 980}
    found = Sources((Source(number=1, document_id="doc_1", page=3, start=0, end=980),))
    for sources, shown in (
        (found, {"found": [place], "why": None}),
        (Sources(why=WhyNone.WAKING), {"found": [], "why": "database_waking"}),
        (None, None),
    ):
        answer = FinishedAnswer("Hi", 5, 1, sources=sources).record(MessageRef("msg_1", "conv_1", "ana"), "", NOW)
        stored = from_attribute_values(to_attribute_values(final_attributes(answer)))
        kept = answer_from_item({**ANSWER_KEY, **stored})
        assert kept.sources == sources
        assert public_answer(question_from_item(QUESTION), kept)["sources"] == shown


def test_a_conversation_that_wants_no_documents_is_kept_so() -> None:
    without = changed(conversation_from_item(CONVERSATION), {"documents": False})
    kept = conversation_from_item(conversation_to_item(without))
    assert (kept.documents, public_conversation(kept)["documents"]) == (False, False)
    assert changed(kept, {"title": "x"}).documents is False, "what is not named stays"
    assert "documents" not in conversation_to_item(changed(kept, {"documents": None}))


def test_a_question_without_an_answer_is_shown_with_a_queued_one() -> None:
    shown = public_messages(messages_from_items([QUESTION]))
    assert [(one["role"], one["status"], one["content"]) for one in shown] == [
        ("user", "accepted", "Why?"),
        ("assistant", "queued", ""),
    ]


def test_an_answer_whose_question_is_gone_is_not_shown() -> None:
    assert public_messages(messages_from_items([{**ANSWER_KEY, **ANSWERED}])) == []


@pytest.mark.parametrize("usd", [0.000_012_345, 0.5])
def test_what_bedrock_took_is_kept_with_its_answer(usd: float) -> None:
    message = MessageRef("msg_1", "conv_1", "ana")
    for known in (True, False):
        finished = FinishedAnswer("Hi", 5, 1, charge=BedrockCharge(5, 1, usd, price_known=known))
        answer = finished.record(message, "", NOW)
        kept = answer_from_item({**keys.answer_key("conv_1", "msg_1"), **final_attributes(answer)})
        assert kept.cost_usd == (pytest.approx(usd) if known else None), "of a guessed price nobody says what it was"
    assert FinishedAnswer("Hi", 5, 1).record(message, "ses_1", NOW).cost_usd is None
