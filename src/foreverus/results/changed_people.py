"""Whose preferences, memories or documents have changed since PostgreSQL had them: the table's stream says so.

One mark for each person, written anew with each change. Whoever copies the person takes away the mark that it has read,
and leaves a newer one: what changed meanwhile is copied with the next round. A stream record that comes twice, or after
a newer one, has a person copied once more, which changes nothing.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from foreverus.aws import person_keys
from foreverus.aws.dynamo import Table, delete_write

REMOVED = "REMOVE"


def changed_people(event: Mapping[str, Any]) -> list[str]:
    """Ids of those whose items are in a batch of stream records. What is removed marks nobody: a document's record goes
    with its count, which changes, and with what is owed; the others go with their person, of whom no mark may be left.

    >>> changed_people({"Records": [{"dynamodb": {"Keys": {"pk": {"S": "MEMORIES#ana"}, "sk": {"S": "MEMORIES"}}}}]})
    ['ana']
    """
    found = dict[str, None]()
    for record in event["Records"]:
        key = record.get("dynamodb", {}).get("Keys", {}).get("pk", {}).get("S", "")
        person = person_keys.person_of_copied(key)
        if person and record.get("eventName") != REMOVED:
            found[person] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class ChangedPerson:
    """`mark`: another one after each change."""

    user_id: str
    mark: str


@dataclass(frozen=True)
class ChangedPeople:
    items: Table

    def note(self, user_ids: Iterable[str]) -> None:
        for user_id in user_ids:
            self.items.put(
                {**person_keys.uncopied_person_key(user_id), "user_id": user_id, "mark": secrets.token_hex(8)}
            )

    def some(self, most: int) -> list[ChangedPerson]:
        found = self.items.query(person_keys.UNCOPIED_PEOPLE, page=most)
        return [ChangedPerson(item["user_id"], item["mark"]) for item in islice(found, most)]

    def copied(self, person: ChangedPerson) -> None:
        """Nothing is left to do, unless something has changed since."""
        key, mark = person_keys.uncopied_person_key(person.user_id), {":mark": person.mark}
        self.items.transact_if(delete_write(key, "mark = :mark", mark))
