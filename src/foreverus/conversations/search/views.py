"""What a search found, as the API shows it. Pure."""

from collections.abc import Iterable

from foreverus import ids
from foreverus.api.responses import Body
from foreverus.conversations.records import Answer, Question, Role
from foreverus.conversations.search.records import Hit
from foreverus.conversations.search.words import Marker, TextPart
from foreverus.conversations.views import public_conversation


def public_hit(hit: Hit, marker: Marker, retention_days: int = 0) -> Body:
    """The conversation with its `match`: the parts of its title, and of the message in which it was said."""
    conversation, message = hit.conversation, hit.message
    return {
        **public_conversation(conversation, retention_days),
        "match": {
            "title": _parts(marker.in_title(conversation.title)) if hit.by_title else None,
            "message": _message(message, hit.earlier, marker) if message else None,
        },
    }


def _message(message: Question | Answer, earlier: bool, marker: Marker) -> Body:
    asked = isinstance(message, Question)
    return {
        "id": message.message_id if asked else ids.answer_id(message.message_id),
        "role": (Role.USER if asked else Role.ASSISTANT).value,
        "earlier": earlier,
        "snippet": _parts(marker.in_text(message.content)),
    }


def _parts(parts: Iterable[TextPart]) -> list[Body]:
    return [{"text": one.text, "marked": one.marked} for one in parts]
