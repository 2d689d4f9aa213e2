"""The frames that people who watch a conversation get."""

import json
import logging

from foreverus.aws import keys
from foreverus.aws.push import MAX_FRAME_BYTES, Frame, Push, send_all
from foreverus.conversations.records import Answer, Question
from foreverus.conversations.views import public_answer

logger = logging.getLogger(__name__)


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


def show_answer(push: Push, question: Question, answer: Answer) -> None:
    """A final answer to those who watch; whoever misses it reads it from the table."""
    topic = keys.conversation_topic(question.conversation_id)
    try:
        send_all(push, [Frame(topic, message_frame(question, answer))])
    except Exception:  # it is saved: showing it is the lesser half, whatever breaks
        logger.warning("%s could not be shown", question.message_id, exc_info=True)
