"""Conversations and messages as the API shows them. Pure."""

from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws import keys

Item = dict[str, Any]

FINAL = frozenset({"answered", "failed"})


def new_conversation(conversation_id: str, user_id: str, title: str, system: str, now: datetime) -> Item:
    at = ids.timestamp(now)
    return {
        **keys.conversation_key(user_id, conversation_id),
        "conversation_id": conversation_id,
        "user_id": user_id,
        "title": title,
        "system": system,
        "created_at": at,
        "updated_at": at,
    }


def public_conversation(item: Item) -> Item:
    return {
        "id": item["conversation_id"],
        "object": "conversation",
        "title": item.get("title", ""),
        "system": item.get("system", ""),
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
    }


def new_question(
    conversation_id: str, message_id: str, user_id: str, content: str, options: Item, now: datetime
) -> Item:
    return {
        **keys.question_key(conversation_id, message_id),
        "message_id": message_id,
        "conversation_id": conversation_id,
        "user_id": user_id,
        "role": "user",
        "content": content,
        "options": options,
        "created_at": ids.timestamp(now),
    }


def public_messages(items: list[Item]) -> list[Item]:
    """Questions and answers in order. A question whose answer has no item yet gets one with status `queued`."""
    answers = {item["message_id"]: item for item in items if item["sk"].endswith("#1")}
    shown: list[Item] = []
    for item in items:
        if item["sk"].endswith("#0"):
            shown += [public_question(item), public_answer(item, answers.get(item["message_id"]))]
    return shown


def public_question(item: Item) -> Item:
    return {
        "id": item["message_id"],
        "object": "message",
        "conversation_id": item["conversation_id"],
        "role": "user",
        "content": item["content"],
        "status": "accepted",
        "created_at": item["created_at"],
    }


def public_answer(question: Item, answer: Item | None) -> Item:
    """The answer to a question, whatever there is of it: `queued`, `answering` with partial text, or final."""
    answer = answer or {}
    shown: Item = {
        "id": ids.answer_id(question["message_id"]),
        "object": "message",
        "conversation_id": question["conversation_id"],
        "role": "assistant",
        "in_reply_to": question["message_id"],
        "content": answer.get("content", ""),
        "status": answer.get("status", "queued"),
        "created_at": answer.get("created_at", question["created_at"]),
    }
    for name in ("answered_at", "session_id", "usage", "finish_reason", "backend", "error"):
        if answer.get(name) is not None:
            shown[name] = answer[name]
    return shown
