"""All memories of a person in one item of the table: it comes with what a question reads anyway.

Each has an attribute of its own, named by its id. So two devices change two of them at once, and whoever adds one too
many is refused by the same write that counts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws import person_keys
from foreverus.aws.dynamo import ConditionFailed, Table, Values, update_write
from foreverus.aws.keys import Key
from foreverus.conversations.remembered.records import MOST_MEMORIES, Memory
from foreverus.errors import Conflict, NotFound
from foreverus.idempotency.deleted import deleted_write, made_and_deleted, not_deleted_write
from foreverus.text import quoted

PREFIX = "memory_"


def memories_from_item(item: Values | None) -> list[Memory]:
    """Oldest first: ids sort by time. A field that is none, or of another version, is passed over."""
    found = sorted((item or {}).items())
    return [_memory(name, kept) for name, kept in found if name.startswith(PREFIX) and isinstance(kept, Mapping)]


def memory_to_item(memory: Memory) -> Values:
    return {
        "text": memory.text,
        "enabled": memory.enabled,
        "conversation_id": memory.conversation_id,
        "created_at": memory.created_at,
        "updated_at": memory.updated_at,
    }


def memories_of(items: Table, user_id: str) -> list[Memory]:
    """All of the person's, oldest first."""
    return memories_from_item(items.get(person_keys.memories_key(user_id)))


@dataclass(frozen=True)
class MemoryStore:
    items: Table

    def all(self, user_id: str) -> list[Memory]:
        return memories_of(self.items, user_id)

    def get(self, user_id: str, memory_id: str) -> Memory:
        """Raises NotFound for one that is not there or belongs to somebody else."""
        found = next((one for one in self.all(user_id) if one.memory_id == memory_id), None)
        if found is None:
            raise _no_memory(memory_id)
        return found

    def create(self, user_id: str, memory: Memory) -> Memory:
        """The memory, or the one that an earlier try has kept under the same id. Raises Conflict, also where that was
        deleted since."""
        kept = update_write(
            person_keys.memories_key(user_id),
            "SET #id = :memory, user_id = :user ADD #n :one",
            {":memory": memory_to_item(memory), ":user": user_id, ":one": 1, ":most": MOST_MEMORIES},
            condition="attribute_not_exists(#id) AND (attribute_not_exists(#n) OR #n < :most)",
            names={"#id": memory.memory_id, "#n": "n"},
        )
        try:
            self.items.transact(kept, not_deleted_write(memory.memory_id))
        except ConditionFailed as err:
            if 1 in err.writes:
                raise made_and_deleted("memory") from err
            earlier = next((one for one in self.all(user_id) if one.memory_id == memory.memory_id), None)
            if earlier:
                return earlier
            message = f"{MOST_MEMORIES} things are remembered, the most that there can be. Delete one, then try again."
            raise Conflict(message, code="too_many_memories") from err
        return memory

    def change(self, user_id: str, memory_id: str, changes: Mapping[str, str | bool]) -> Memory:
        """Sets what is named. Raises NotFound."""
        try:
            item = self.items.update(
                _place(user_id, memory_id),
                "SET " + ", ".join(f"#id.#{name} = :{name}" for name in changes),
                {f":{name}": value for name, value in changes.items()},
                condition="attribute_exists(#id)",
                names={"#id": memory_id, **{f"#{name}": name for name in changes}},
            )
        except ConditionFailed as err:
            raise _no_memory(memory_id) from err
        return _memory(memory_id, item[memory_id])

    def delete(self, user_id: str, memory_id: str, now: datetime) -> None:
        """Raises NotFound."""
        gone = update_write(
            _place(user_id, memory_id),
            "REMOVE #id ADD #n :less",
            {":less": -1},
            condition="attribute_exists(#id)",
            names={"#id": memory_id, "#n": "n"},
        )
        if not self.items.transact_if(gone, deleted_write(memory_id, now)):
            raise _no_memory(memory_id)

    def forget_person(self, user_id: str) -> int:
        """Deletes all of them; how many there were."""
        found = len(self.all(user_id))
        self.items.delete(person_keys.memories_key(user_id))
        return found


def _memory(memory_id: str, kept: Mapping[str, object]) -> Memory:
    return Memory(
        memory_id=memory_id,
        text=str(kept.get("text", "")),
        enabled=kept.get("enabled") is not False,
        conversation_id=str(kept.get("conversation_id", "")),
        created_at=str(kept.get("created_at", "")),
        updated_at=str(kept.get("updated_at", "")),
    )


def _place(user_id: str, memory_id: str) -> Key:
    """Where it would be. Raises NotFound for a name that is no memory's: the item's other fields have such."""
    if not memory_id.startswith(PREFIX):
        raise _no_memory(memory_id)
    return person_keys.memories_key(user_id)


def _no_memory(memory_id: str) -> NotFound:
    return NotFound(f"There is no memory {quoted(memory_id)}.", param="memory_id", code="memory_not_found")
