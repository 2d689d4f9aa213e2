"""Conversations, questions and answers as DynamoDB items, both ways. Pure.

Reading takes what older and newer versions have written: a field that is missing has its default, and an unknown one is
left alone. An answer's status that nobody here knows is not final, as in the table's own conditions.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from foreverus.aws import keys
from foreverus.aws.dynamo import Item, Values
from foreverus.backends.port import BackendName, TokenUsage
from foreverus.choice.request_records import KeptChoice
from foreverus.conversations.history import Held
from foreverus.conversations.records import (
    Answer,
    AnswerError,
    AnswerOptions,
    AnswerStatus,
    Conversation,
    Question,
    Role,
)
from foreverus.conversations.shown import shown_from_item, shown_to_item
from foreverus.costs.money import exact
from foreverus.documents.sources import sources_from_item, sources_to_item

_STATUSES = {status.value: status for status in AnswerStatus}
_BACKENDS = {backend.value: backend for backend in BackendName}


def conversation_from_item(item: Item) -> Conversation:
    return Conversation(
        conversation_id=item["conversation_id"],
        user_id=item.get("user_id", ""),
        title=item.get("title", ""),
        system=item.get("system", ""),
        created_at=item.get("created_at", ""),
        updated_at=item.get("updated_at", ""),
        backend=_BACKENDS.get(item.get("backend", "")),
        options=_options(item),
        version=int(item.get("version", 0)),
        has_versions=bool(item.get("has_versions")),
        has_images=bool(item.get("has_images")),
        newest_message_id=item.get("newest_message_id", ""),
        pinned=bool(item.get("pinned")),
        memories=item.get("memories") is not False,
        documents=item.get("documents") is not False,
        first_words=item.get("first_words", ""),
    )


def conversation_to_item(conversation: Conversation) -> Values:
    return {
        **keys.conversation_key(conversation.user_id, conversation.conversation_id),
        "conversation_id": conversation.conversation_id,
        "user_id": conversation.user_id,
        "title": conversation.title,
        "system": conversation.system,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        **({"backend": conversation.backend.value} if conversation.backend else {}),
        **({} if conversation.memories else {"memories": False}),
        **({} if conversation.documents else {"documents": False}),
        **_named(conversation.options),
    }


def question_from_item(item: Item) -> Question:
    return Question(
        message_id=item["message_id"],
        conversation_id=item["conversation_id"],
        user_id=item.get("user_id", ""),
        content=item["content"],
        created_at=item["created_at"],
        options=_options(item.get("options") or {}),
        choice=_choice(item.get("choice")),
        replaces=item.get("replaces", ""),
        version=int(item.get("nth_version", 2 if item.get("replaces") else 1)),
        images=tuple(map(shown_from_item, item.get("images", ()))),
        moved_from=_BACKENDS.get(item.get("moved_from", "")),
    )


def question_to_item(question: Question) -> Values:
    return {
        **keys.question_key(question.conversation_id, question.message_id),
        "message_id": question.message_id,
        "conversation_id": question.conversation_id,
        "user_id": question.user_id,
        "role": Role.USER.value,
        "content": question.content,
        "options": _named(question.options),
        "created_at": question.created_at,
        **({"choice": _choice_to_item(question.choice)} if question.choice else {}),
        **({"images": list(map(shown_to_item, question.images))} if question.images else {}),
        **({"replaces": question.replaces, "nth_version": question.version} if question.replaces else {}),
    }


def _options(kept: Mapping[str, Any]) -> AnswerOptions:
    most, temperature = kept.get("max_tokens"), kept.get("temperature")
    return AnswerOptions(
        max_tokens=None if most is None else int(most), temperature=None if temperature is None else float(temperature)
    )


def _named(options: AnswerOptions) -> Values:
    """What of them is said."""
    asked = {"max_tokens": options.max_tokens, "temperature": options.temperature}
    return {name: value for name, value in asked.items() if value is not None}


def _choice(kept: Mapping[str, Any] | None) -> KeptChoice | None:
    backend = _BACKENDS.get(kept.get("backend", "")) if kept else None
    if not kept or backend is None:
        return None
    return KeptChoice(
        backend=backend, reason=kept.get("reason", ""), text=kept.get("text", ""), numbers=kept.get("numbers", {})
    )


def _choice_to_item(choice: KeptChoice) -> Values:
    return {
        "backend": choice.backend.value,
        "reason": choice.reason,
        "text": choice.text,
        "numbers": dict(choice.numbers),
    }


def answer_from_item(item: Item) -> Answer:
    usage, error, held = item.get("usage"), item.get("error"), item.get("held")
    return Answer(
        message_id=item["message_id"],
        conversation_id=item.get("conversation_id", ""),
        status=_STATUSES.get(item.get("status", "queued"), AnswerStatus.ANSWERING),
        content=item.get("content", ""),
        session_id=item.get("session_id", ""),
        answered_at=item.get("answered_at", ""),
        usage=None
        if usage is None
        else TokenUsage(
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
        ),
        finish_reason=item.get("finish_reason", ""),
        backend=_BACKENDS.get(item.get("backend", "")),
        error=AnswerError(error.get("code", ""), error.get("message", "")) if error else None,
        partial_tokens=item.get("partial_tokens", 0),
        counted_tokens=item.get("counted_tokens", 0),
        partial_prompt_tokens=item.get("partial_prompt_tokens", 0),
        engine_failures=item.get("engine_failures", 0),
        stop_requested=bool(item.get("stop_requested")),
        trimmed_messages=int(item.get("trimmed_messages", 0)),
        memories=int(item.get("memories", 0)),
        sources=sources_from_item(item.get("sources")),
        imported_from=item.get("imported_from", ""),
        held=Held(int(held["turns"]), int(held["system_tokens"])) if held else None,
        cost_usd=float(item["cost_usd"]) if item.get("cost_usd") is not None else None,
        choice=_choice(item.get("choice")),
    )


def final_attributes(answer: Answer) -> Values:
    """What a final answer sets in its item."""
    usage = answer.usage or TokenUsage()
    values: dict[str, object] = {
        "message_id": answer.message_id,
        "conversation_id": answer.conversation_id,
        "content": answer.content,
        "status": answer.status.value,
        "session_id": answer.session_id,
        "usage": {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens},
        "answered_at": answer.answered_at,
    }
    if answer.finish_reason:
        values["finish_reason"] = answer.finish_reason
    if answer.error:
        values["error"] = {"code": answer.error.code, "message": answer.error.message}
    if answer.imported_from:
        values["imported_from"] = answer.imported_from
    if answer.trimmed_messages:
        values["trimmed_messages"] = answer.trimmed_messages
    if answer.memories:
        values["memories"] = answer.memories
    if answer.sources:
        values["sources"] = sources_to_item(answer.sources)
    if answer.held:
        values["held"] = {"turns": answer.held.turns, "system_tokens": answer.held.system_tokens}
    if answer.cost_usd:
        values["cost_usd"] = exact(answer.cost_usd)
    if answer.backend:
        values["backend"] = answer.backend.value
    if answer.choice:
        values["choice"] = _choice_to_item(answer.choice)
    return values


def messages_from_items(items: Iterable[Item]) -> Iterator[Question | Answer]:
    """A conversation's questions and answers, in the items' order."""
    for item in items:
        yield question_from_item(item) if item["sk"].endswith("#0") else answer_from_item(item)
