"""Search over a person's conversations: titles here, texts in PostgreSQL, both in one list, newest conversation first.

A title is always found, also of a conversation of a second ago. What was said is found once it is in PostgreSQL.
Whatever PostgreSQL says is looked up in the table before it is shown: what was deleted is not there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from foreverus.api import schemas
from foreverus.api.listing import DEFAULT_LIMIT, Listing, check_cursor
from foreverus.api.responses import Body
from foreverus.aws import keys
from foreverus.conversations.items import answer_from_item, conversation_from_item, question_from_item
from foreverus.conversations.records import Answer, Conversation, Question
from foreverus.conversations.search.records import Hit, MessageFound, TextSearch, WhyTitlesAlone
from foreverus.conversations.search.views import public_hit
from foreverus.conversations.search.words import Marker, is_found
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.versions import Branch

AT_ONCE = 100  # of one BatchGetItem
MOST_ROUNDS = 4  # of questions to PostgreSQL, where what it finds was deleted
RETRY_SECONDS = 15  # Aurora takes 15 to 30 to resume


@dataclass
class _Said:
    """By conversation: what it is, and where it was said in it."""

    conversations: dict[str, Conversation] = field(default_factory=dict)
    places: dict[str, MessageFound] = field(default_factory=dict)
    stems: tuple[str, ...] = ()
    why: WhyTitlesAlone | None = None


@dataclass(frozen=True)
class ConversationSearch:
    store: ConversationStore
    texts: TextSearch
    retention_days: int = 0

    def search(self, user_id: str, query: dict[str, str]) -> Body:
        """`{object, data, has_more, searched, why, retry_after_seconds}`: conversations, each with its `match`. Raises
        InvalidRequest."""
        schemas.check("conversations_query", query)
        check_cursor(query, "conv")
        words, after, limit = query["q"], query.get("after", ""), int(query.get("limit", DEFAULT_LIMIT))
        named = {one.conversation_id: one for one in islice(self._by_title(user_id, words, after), limit + 1)}
        said = self._by_text(user_id, words, after, limit + 1)
        known = {**said.conversations, **named}
        chosen = sorted(known, reverse=True)
        messages = self._messages(said.places[one] for one in chosen[:limit] if one in said.places)
        hits = [self._hit(known[one], one in named, messages.get(one)) for one in chosen[:limit]]
        marker = Marker(words, said.stems)
        listed = Listing(hits, len(chosen) > limit).body(lambda hit: public_hit(hit, marker, self.retention_days))
        return {
            **listed,
            "searched": "titles" if said.why else "titles_and_texts",
            "why": said.why and said.why.value,
            "retry_after_seconds": RETRY_SECONDS if said.why is WhyTitlesAlone.WAKING else None,
        }

    def _by_title(self, user_id: str, words: str, after: str) -> Iterator[Conversation]:
        while found := self.store.newest(user_id, AT_ONCE, after):
            yield from (one for one in self.store.entitled(found) if is_found(one.title, words))
            after = found[-1].conversation_id

    def _by_text(self, user_id: str, words: str, after: str, most: int) -> _Said:
        said = _Said()
        for _ in range(MOST_ROUNDS):
            told = self.texts.search(user_id, words, after, most)
            said.why, said.stems = told.why, said.stems or told.stems
            there = self._there(user_id, [hit.conversation_id for hit in told.hits])
            said.conversations |= there
            said.places |= {one.conversation_id: one for one in told.hits if one.conversation_id in there}
            if len(told.hits) < most or len(said.places) >= most:
                break
            after = told.hits[-1].conversation_id
        return said

    def _there(self, user_id: str, ids: list[str]) -> dict[str, Conversation]:
        """Those that are not deleted, with their titles."""
        there: dict[str, Conversation] = {}
        for at in range(0, len(ids), AT_ONCE):
            wanted = [keys.conversation_key(user_id, one) for one in ids[at : at + AT_ONCE]]
            found = [conversation_from_item(item) for item in self.store.items.get_all(wanted)]
            there |= {one.conversation_id: one for one in self.store.entitled(found)}
        return there

    def _messages(self, places: Iterable[MessageFound]) -> dict[str, Question | Answer]:
        """At most 100, by conversation."""
        wanted = [_key(one) for one in places]
        found = self.store.items.get_all(wanted) if wanted else ()
        messages = (question_from_item(one) if one["sk"].endswith("#0") else answer_from_item(one) for one in found)
        return {one.conversation_id: one for one in messages}

    def _hit(self, conversation: Conversation, by_title: bool, message: Question | Answer | None) -> Hit:
        earlier = False
        if message and conversation.has_versions:
            earlier = not Branch(self.store.replacements(conversation)).holds(message.message_id)
        return Hit(conversation, by_title, message, earlier)


def _key(place: MessageFound) -> keys.Key:
    kind, _, name = place.message_id.partition("_")
    key = keys.answer_key if kind == "ans" else keys.question_key
    return key(place.conversation_id, f"msg_{name}")
