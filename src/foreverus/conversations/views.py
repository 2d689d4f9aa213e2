"""Conversations and messages as the API shows them. Pure."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby

from foreverus import ids
from foreverus.api.responses import Body
from foreverus.choice.request_records import KeptChoice
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question, Role
from foreverus.conversations.shown import ShownImage
from foreverus.documents.sources import sources_to_item


def public_conversation(conversation: Conversation, retention_days: int = 0) -> Body:
    """`retention_days`: how long the stack keeps what nobody writes in; 0: for ever."""
    return {
        "id": conversation.conversation_id,
        "object": "conversation",
        "title": conversation.title,
        "system": conversation.system,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "backend": conversation.backend and conversation.backend.value,
        "pinned": conversation.pinned,
        "temperature": conversation.options.temperature,
        "max_tokens": conversation.options.max_tokens,
        "memories": conversation.memories,
        "documents": conversation.documents,
        "expires_at": _end(conversation, retention_days),
    }


def _end(conversation: Conversation, retention_days: int) -> str | None:
    """When it is deleted, if nobody writes in it before."""
    if not retention_days:
        return None
    return ids.timestamp(ids.parse_timestamp(conversation.updated_at) + timedelta(days=retention_days))


def public_messages(messages: Iterable[Question | Answer]) -> list[Body]:
    """Questions and answers in order. A question whose answer has no item yet gets one with status `queued`."""
    found = list(messages)
    answers = {one.message_id: one for one in found if isinstance(one, Answer)}
    shown: list[Body] = []
    for one in found:
        if isinstance(one, Question):
            shown += [public_question(one), public_answer(one, answers.get(one.message_id))]
    return shown


def public_exchanges(messages: Iterable[Question | Answer], *, newest_first: bool, after: str = "") -> Iterator[Body]:
    """The same of a sorted list that is read as far as it is needed; behind the message of the id `after`, which is in
    the first exchange that comes."""
    waiting = bool(after)
    for _, exchange in groupby(messages, lambda one: one.message_id):
        shown = public_messages(exchange)
        for one in reversed(shown) if newest_first else shown:
            if not waiting:
                yield one
            waiting = waiting and one["id"] != after


def public_question(question: Question) -> Body:
    return {
        "id": question.message_id,
        "object": "message",
        "conversation_id": question.conversation_id,
        "role": Role.USER.value,
        "content": question.content,
        "status": "accepted",
        "created_at": question.created_at,
        **({"images": list(map(public_image, question.images))} if question.images else {}),
        **({"replaces": question.replaces, "version": question.version} if question.replaces else {}),
    }


def public_image(image: ShownImage) -> Body:
    """`GET /files/{id}` has the address where it can be looked at."""
    read = {} if image.text is None else {"text": image.text}
    return {"file_id": image.file_id, "type": image.kind.value, "width": image.width, "height": image.height, **read}


def public_answer(question: Question, answer: Answer | None) -> Body:
    """The answer to a question, whatever there is of it: `queued`, `answering` with partial text, or final."""
    shown: Body = {
        "id": ids.answer_id(question.message_id),
        "object": "message",
        "conversation_id": question.conversation_id,
        "role": Role.ASSISTANT.value,
        "in_reply_to": question.message_id,
        "content": answer.content if answer else "",
        "status": (answer.status if answer else AnswerStatus.QUEUED).value,
        "created_at": question.created_at,
        "sources": sources_to_item(answer.sources) if answer and answer.sources else None,
    }
    choice = (answer and answer.choice) or question.choice
    chosen: Body = {"choice": public_choice(choice)} if choice else {}
    moved: Body = {"moved_from": question.moved_from.value} if question.moved_from else {}
    return shown | chosen | moved | (_known(answer) if answer else {})


def public_choice(choice: KeptChoice) -> Body:
    """Why the backend was chosen: a word for programs, a sentence for people, and what was reckoned."""
    return {
        "backend": choice.backend.value,
        "reason": choice.reason,
        "text": choice.text,
        "numbers": dict(choice.numbers),
    }


def _known(answer: Answer) -> Body:
    """What there is of the rest."""
    usage, error = answer.usage, answer.error
    rest: Body = {
        "answered_at": answer.answered_at,
        "session_id": answer.session_id,
        "usage": usage and {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens},
        "finish_reason": answer.finish_reason,
        "stop_requested": answer.stop_requested and not answer.status.is_final,
        "backend": answer.backend and answer.backend.value,
        "trimmed_messages": answer.trimmed_messages,
        "memories": answer.memories,
        "imported_from": answer.imported_from,
        "cost_usd": answer.cost_usd,
        "error": error and {"code": error.code, "message": error.message},
    }
    return {name: value for name, value in rest.items() if value}
