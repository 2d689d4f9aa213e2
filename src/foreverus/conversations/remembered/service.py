"""What a person does with their memories: `/v1/memories`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws import keys
from foreverus.conversations.items import conversation_from_item
from foreverus.conversations.records import Conversation
from foreverus.conversations.remembered.records import BUDGET_TOKENS, Memory, given, one_line, used_tokens
from foreverus.conversations.remembered.store import MemoryStore
from foreverus.conversations.store import ConversationStore
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once


@dataclass(frozen=True)
class Memories:
    store: MemoryStore
    conversations: ConversationStore
    once: Once
    clock: Callable[[], datetime]

    def create(self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt = NOT_REPEATED) -> Body:
        """A new memory, or the one that an earlier try of the same request made. Raises Conflict, and NotFound for a
        conversation that is not there or belongs to somebody else."""
        conversation_id = request.get("conversation_id") or ""
        if conversation_id:
            self.conversations.get(user_id, conversation_id)
        with self.once(CreateRequest(user_id, "memories", fingerprint(request), attempt), "memory") as claim:
            now = ids.timestamp(self.clock())
            memory = Memory(
                memory_id=claim.id,
                text=one_line(request["text"]),
                enabled=request.get("enabled", True),
                conversation_id=conversation_id,
                created_at=now,
                updated_at=now,
            )
            return self._show(user_id, self.store.create(user_id, memory))

    def show(self, user_id: str) -> Body:
        """All of them, newest first, and what they take of each question."""
        found = self.store.all(user_id)
        takes = given(found)
        return {
            "object": "list",
            "data": self._shown(user_id, found[::-1], takes),
            "has_more": False,
            "budget_tokens": BUDGET_TOKENS,
            "used_tokens": used_tokens(takes),
        }

    def change(self, user_id: str, memory_id: str, changes: Mapping[str, Any]) -> Body:
        """What is not named stays. Raises NotFound."""
        if not changes:
            return self._show(user_id, self.store.get(user_id, memory_id))
        kept = {**changes, **({"text": one_line(changes["text"])} if "text" in changes else {})}
        changed = self.store.change(user_id, memory_id, {**kept, "updated_at": ids.timestamp(self.clock())})
        return self._show(user_id, changed)

    def delete(self, user_id: str, memory_id: str) -> Body:
        self.store.delete(user_id, memory_id, self.clock())
        return {"id": memory_id, "object": "memory.deleted", "deleted": True}

    def _show(self, user_id: str, memory: Memory) -> Body:
        (shown,) = self._shown(user_id, [memory], given(self.store.all(user_id)))
        return shown

    def _shown(self, user_id: str, memories: Sequence[Memory], takes: Sequence[Memory]) -> list[Body]:
        wanted = {one.conversation_id for one in memories if one.conversation_id}
        places = [keys.conversation_key(user_id, one) for one in sorted(wanted)]
        found = [conversation_from_item(item) for item in self.conversations.items.get_all(places)]
        there = {one.conversation_id: one for one in self.conversations.entitled(found)}
        in_use = {one.memory_id for one in takes}
        return [public_memory(one, one.memory_id in in_use, there.get(one.conversation_id)) for one in memories]


def public_memory(memory: Memory, in_use: bool, conversation: Conversation | None = None) -> Body:
    """`in_use`: each question takes it along. `conversation`: the one that it came from, where that is still there."""
    return {
        "id": memory.memory_id,
        "object": "memory",
        "text": memory.text,
        "enabled": memory.enabled,
        "in_use": in_use,
        "tokens": memory.tokens,
        "conversation": {"id": conversation.conversation_id, "title": conversation.title} if conversation else None,
        "created_at": memory.created_at,
        "updated_at": memory.updated_at,
    }
