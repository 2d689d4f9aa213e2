"""Conversations that a person has pinned: the list begins with them, however old they are.

Each has an item of its own, written in the transaction that marks the conversation, so that a page of the list finds
them without reading the thousand others.
"""

from collections.abc import Iterator
from itertools import chain, islice

from foreverus.aws import keys, person_keys
from foreverus.aws.dynamo import Table, Write, delete_write, put_write
from foreverus.conversations.items import conversation_from_item
from foreverus.conversations.records import Conversation

AT_ONCE = 100  # conversations: as many as one BatchGetItem reads


def pin_write(user_id: str, conversation_id: str, pinned: bool) -> Write:
    """The part of a transaction that files it among the pinned ones, or takes it out."""
    key = person_keys.pin_key(user_id, conversation_id)
    return put_write({**key, "conversation_id": conversation_id}) if pinned else delete_write(key)


def pinned_first(items: Table, user_id: str, limit: int, after: str = "") -> list[Conversation]:
    """So many of a person's behind `after`: first those that are pinned, then the others, newest first within each.

    Where `after` stands is read anew: one that was pinned or taken off since it was listed stands elsewhere now, and
    what it passed is listed again, or not, as with any list that changes while it is read.
    """
    marked = items.get(keys.conversation_key(user_id, after)) if after else None
    if after and not (marked and marked.get("pinned")):
        return list(islice(_others(items, user_id, limit, after), limit))
    listed = chain(_pinned(items, user_id, after), _others(items, user_id, limit))
    return list(islice(listed, limit))


def _pinned(items: Table, user_id: str, after: str) -> Iterator[Conversation]:
    before = person_keys.pin_key(user_id, after)["sk"] if after else ""
    pins = items.query(keys.person_partition(user_id), "PINNED#", newest_first=True, before=before, page=AT_ONCE)
    while some := [str(pin["conversation_id"]) for pin in islice(pins, AT_ONCE)]:
        found = items.get_all([keys.conversation_key(user_id, one) for one in some])
        there = {one.conversation_id: one for one in map(conversation_from_item, found)}
        yield from (there[one] for one in some if one in there and there[one].pinned)


def _others(items: Table, user_id: str, page: int, after: str = "") -> Iterator[Conversation]:
    before = keys.conversation_key(user_id, after)["sk"] if after else ""
    found = items.query(keys.person_partition(user_id), "CONVERSATION#", newest_first=True, before=before, page=page)
    return (one for one in map(conversation_from_item, found) if not one.pinned)
