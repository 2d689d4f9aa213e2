"""The frames that people who watch a conversation get."""

import json
import logging

from foreverus.api.responses import Body
from foreverus.aws import keys, socket_keys
from foreverus.aws.push import MAX_FRAME_BYTES, Frame, Push, send_all
from foreverus.conversations.records import Answer, Question
from foreverus.conversations.views import public_answer

logger = logging.getLogger(__name__)

LIST_PATIENCE_S = 0.5  # whoever changes a conversation waits for its answer meanwhile


def delta_frame(conversation_id: str, message_id: str, offset: int, text: str) -> bytes:
    """`text` belongs at code point `offset` of the answer."""
    frame = {
        "type": "delta",
        "conversation_id": conversation_id,
        "message_id": message_id,
        "offset": offset,
        "text": text,
    }
    return json.dumps(frame, ensure_ascii=False).encode()


def message_frame(question: Question, answer: Answer) -> bytes:
    """A final answer, as the API shows it. Where that is more than a frame holds, `content` is null: who gets it asks
    the API for the messages."""
    shown = public_answer(question, answer)
    frame = {"type": "message", "conversation_id": question.conversation_id, "message": shown}
    data = json.dumps(frame, ensure_ascii=False).encode()
    if len(data) <= MAX_FRAME_BYTES:
        return data
    return json.dumps({**frame, "message": {**shown, "content": None}}, ensure_ascii=False).encode()


def conversation_frame(shown: Body) -> bytes:
    """`shown`: a conversation, or its deletion, as the API gives it."""
    return json.dumps({"type": "conversation", "conversation": shown}, ensure_ascii=False).encode()


def deleted_frame(conversation_id: str, message_id: str) -> bytes:
    """A question went, with its answer. `message_id`: the question's."""
    return json.dumps({"type": "deleted", "conversation_id": conversation_id, "message_id": message_id}).encode()


def show_deleted(push: Push, conversation_id: str, message_id: str) -> None:
    """To those who watch the conversation; whoever misses it reads the table."""
    topic, frame = keys.conversation_topic(conversation_id), deleted_frame(conversation_id, message_id)
    try:
        send_all(push, [Frame(topic, frame)], LIST_PATIENCE_S)
    except Exception:  # it is gone: showing it is the lesser half
        logger.warning("that %s is deleted could not be shown", message_id, exc_info=True)


def show_conversation(push: Push, user_id: str, shown: Body) -> None:
    """What became of a conversation, to its person's open pages; whoever misses it reads it from the table."""
    try:
        send_all(push, [Frame(socket_keys.conversations_topic(user_id), conversation_frame(shown))], LIST_PATIENCE_S)
    except Exception:  # it is kept: showing it is the lesser half, whatever breaks
        logger.warning("%s could not be shown", shown.get("id"), exc_info=True)


def show_answer(push: Push, question: Question, answer: Answer) -> None:
    """A final answer to those who watch; whoever misses it reads it from the table."""
    topic = keys.conversation_topic(question.conversation_id)
    try:
        send_all(push, [Frame(topic, message_frame(question, answer))])
    except Exception:  # it is saved: showing it is the lesser half, whatever breaks
        logger.warning("%s could not be shown", question.message_id, exc_info=True)
