"""Conversations of elsewhere, taken in as history: to be read, searched and continued.

Nobody here wrote the answers: they are marked with where they come from, cost nothing and are counted nowhere. Ids are
made of the person and of what the source calls the conversation, so that whoever imports it twice, or once more after a
fault in the middle, writes nothing twice.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from foreverus import ids
from foreverus.api.responses import Body
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, put_write, update_write
from foreverus.aws.push import Push
from foreverus.backends.port import MOST_ANSWER_BYTES
from foreverus.conversations.frames import show_conversation
from foreverus.conversations.items import final_attributes, question_to_item
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.views import public_conversation
from foreverus.errors import Conflict, InvalidRequest, LimitReached

MOST_TEXT_BYTES = MOST_ANSWER_BYTES  # of a question and of an answer each, as of those that are written here
# Of all that one person has imported: twice the largest file that the page reads, US$ 2 at most to write.
MOST_IMPORTED_BYTES = 200_000_000
EXCHANGE_BYTES = 1_000  # what keeping one takes beside its texts

# One is told that there is room and that it is taken, or raises LimitReached: (user id, bytes).
ImportRoom: TypeAlias = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenExchange:
    """A question and its answer, as a file has them. The times are ISO 8601; empty: it does not say."""

    question: str
    answer: str
    asked_at: str
    answered_at: str

    @property
    def bytes(self) -> int:
        """What it takes of its person's room."""
        return EXCHANGE_BYTES + len(self.question.encode()) + len(self.answer.encode())

    @classmethod
    def of(cls, place: int, given: Mapping[str, Any]) -> "GivenExchange":
        """Of the request's exchange in this place. Raises InvalidRequest where a text is too long."""
        for name in ("question", "answer"):
            if (size := len(given[name].encode())) > MOST_TEXT_BYTES:
                param = f"exchanges[{place}].{name}"
                message = f"'{param}' has {size:,} bytes, the most is {MOST_TEXT_BYTES:,}: shorten it or leave it out."
                raise InvalidRequest(message, param=param, code="invalid_field")
        return cls(
            question=given["question"],
            answer=given["answer"],
            asked_at=given.get("asked_at") or "",
            answered_at=given.get("answered_at") or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenConversation:
    """A part of a conversation, as a file has it. `source_id`: what the source calls the conversation. `first`: the
    place in it of the first of these exchanges. The times are ISO 8601; `updated_at` empty: it does not say."""

    source: str
    source_id: str
    title: str
    system: str
    created_at: str
    updated_at: str
    first: int
    exchanges: Sequence[GivenExchange]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "GivenConversation":
        """Of a request that its schema lets through (`conversation_import`). Raises InvalidRequest."""
        return cls(
            source=given["source"],
            source_id=given["source_id"],
            title=given.get("title", ""),
            system=given.get("system", ""),
            created_at=given["created_at"],
            updated_at=given.get("updated_at") or "",
            first=given.get("first", 0),
            exchanges=tuple(GivenExchange.of(place, one) for place, one in enumerate(given["exchanges"])),
        )


@dataclass(frozen=True)
class ConversationImports:
    """`room`: what the person may import. `push`: where their open pages hear of what is new. `retention_days`: how
    long the stack keeps what nobody writes in; 0: for ever."""

    store: ConversationStore
    room: ImportRoom
    clock: Callable[[], datetime]
    push: Callable[[], Push]
    retention_days: int = 0

    def take(self, user_id: str, request: Mapping[str, Any]) -> Body:
        """One conversation, or its exchanges from `first` on: `{object, id, taken, known}`. Raises InvalidRequest,
        LimitReached (nothing of it is kept), and Conflict where that conversation was deleted within the last day."""
        given = GivenConversation.of(request)
        begun = self._time(given.created_at, "created_at")
        wanted = self._conversation(user_id, given, begun)
        self._take_room(wanted, begun, given.first, given.exchanges)
        try:
            conversation = self.store.create(wanted)
        except Conflict as err:
            raise _deleted() from err
        taken = sum(
            self._keep(conversation, given.source, begun, given.first + n, one) for n, one in enumerate(given.exchanges)
        )
        if taken and not given.first:  # with its other parts it is in their lists already
            shown = public_conversation(self.store.with_title(conversation), self.retention_days)
            show_conversation(self.push(), user_id, shown)
        known = len(given.exchanges) - taken
        return {"object": "conversation.imported", "id": conversation.conversation_id, "taken": taken, "known": known}

    def _take_room(self, wanted: Conversation, begun: datetime, first: int, exchanges: Sequence[GivenExchange]) -> None:
        """What is there already needs none; that is looked at only where there is not enough for all of it."""
        try:
            self.room(wanted.user_id, sum(one.bytes for one in exchanges))
        except LimitReached:
            kept = [
                keys.question_key(wanted.conversation_id, _message_id(wanted, begun, first + n))
                for n in range(len(exchanges))
            ]
            known = {item["message_id"] for item in self.store.items.get_all(kept)}
            if not known:
                raise
            fresh = [one for n, one in enumerate(exchanges) if _message_id(wanted, begun, first + n) not in known]
            self.room(wanted.user_id, sum(one.bytes for one in fresh))

    def _conversation(self, user_id: str, given: GivenConversation, begun: datetime) -> Conversation:
        """What is kept for a while only is kept from now on."""
        ended = self._time(given.updated_at, "updated_at") if given.updated_at else begun
        used = self.clock() if self.retention_days else max(begun, ended)
        digest = _digest(user_id, given.source, given.source_id)
        return Conversation(
            conversation_id=f"conv_{_milliseconds(begun):012x}{digest}",
            user_id=user_id,
            title=given.title,
            system=given.system,
            created_at=ids.timestamp(begun),
            updated_at=ids.timestamp(used),
        )

    def _keep(self, conversation: Conversation, source: str, begun: datetime, n: int, exchange: GivenExchange) -> bool:
        """False where it is there already. Both sides at once, and where PostgreSQL is to look for them."""
        conversation_id, user_id = conversation.conversation_id, conversation.user_id
        message_id = _message_id(conversation, begun, n)
        asked = ids.timestamp(self._time(exchange.asked_at or conversation.created_at, "asked_at"))
        answered = ids.timestamp(self._time(exchange.answered_at or asked, "answered_at"))
        question = Question(
            message_id=message_id,
            conversation_id=conversation_id,
            user_id=user_id,
            content=exchange.question,
            created_at=asked,
        )
        answer = Answer(
            message_id=message_id,
            conversation_id=conversation_id,
            status=AnswerStatus.ANSWERED,
            content=exchange.answer,
            answered_at=answered,
            imported_from=source,
        )
        written = {name: value for name, value in final_attributes(answer).items() if name != "usage"}
        try:
            self.store.items.transact(
                update_write(
                    keys.conversation_key(user_id, conversation_id),
                    "ADD imported_bytes :bytes",
                    {":bytes": exchange.bytes},
                    condition="attribute_exists(pk)",
                ),
                put_write(question_to_item(question), "attribute_not_exists(pk)"),
                put_write({**keys.answer_key(conversation_id, message_id), **written}),
                put_write(
                    {
                        **keys.answered_key(keys.NO_SESSION, message_id),
                        "conversation_id": conversation_id,
                        "user_id": user_id,
                    }
                ),
            )
        except ConditionFailed as err:
            if 0 in err.writes:
                raise _deleted() from err
            return False
        return True

    def _time(self, given: str, name: str) -> datetime:
        try:
            moment = ids.parse_timestamp(given)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as err:
            raise InvalidRequest(f"'{name}' must be a time in ISO 8601.", param=name, code="invalid_field") from err
        if not moment.year >= 1970 or moment > self.clock():
            message = f"'{name}' must be a time from 1970 on that is not in the future."
            raise InvalidRequest(message, param=name, code="invalid_field")
        return moment


def imported_bytes(items: Table, user_id: str) -> int:
    """What the person has imported takes, counted anew from the conversations that are still there."""
    partition = keys.conversation_key(user_id, "")["pk"]
    return sum(int(item.get("imported_bytes", 0)) for item in items.query(partition, "CONVERSATION#"))


def _message_id(conversation: Conversation, begun: datetime, n: int) -> str:
    """Of the exchange in the place `n` of the file."""
    return f"msg_{_milliseconds(begun) + n:012x}{_digest(conversation.conversation_id, str(n))}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _digest(*parts: str) -> str:
    """Sixteen hexadecimal digits, as the random end of an id has."""
    return hashlib.sha256("\n".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:16]


def _deleted() -> Conflict:
    message = "This conversation was deleted here within the last day: what is left of it goes first. Try tomorrow."
    return Conflict(message, param="source_id", code="conversation_deleted")
