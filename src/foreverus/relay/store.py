"""Requests of programs in the table: kept while a GPU answers them, erased when their answer has arrived.

Two items: the request itself, which nobody lists, and that it is open, without its text. None of them keeps a GPU or
buys one: who asked waits, and asks again where there is none. Both are over after `KEPT`, by TTL and by the sweep.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, delete_write, put_write, update_write
from foreverus.backends.port import Delta
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.costs.usage.store import usage_write
from foreverus.relay.codec import (
    end_from_json,
    end_to_json,
    packed_deltas,
    packed_prompt,
    unpacked_deltas,
    unpacked_prompt,
)
from foreverus.relay.records import (
    KEPT,
    GpuRequest,
    OpenRequest,
    RequestEnd,
    RequestLook,
    RequestRef,
    TakenRequest,
)


class AskedRequests(Protocol):
    """What who asks does with a request. The twin is `relay/memory.py`."""

    def keep(self, request: GpuRequest) -> None:
        """Raises PromptRejected for what cannot be kept."""

    def look(self, ref: RequestRef) -> RequestLook | None:
        """None when it was erased. A consistent read."""

    def erase(self, ref: RequestRef) -> None:
        """Nobody waits for it any more."""

    def withdraw(self, ref: RequestRef) -> str:
        """Erases it; returns the id of the session that has it in work, empty where none had begun."""


class TakenRequests(Protocol):
    """What a worker does with a request. The twin is `relay/memory.py`."""

    def take(self, ref: RequestRef, session_id: str) -> TakenRequest | None:
        """Begins an attempt. None when it was erased or is answered."""

    def finish(self, ref: RequestRef, session_id: str, end: RequestEnd, deltas: Sequence[Delta]) -> None:
        """Keeps the answer for who may have missed a part of it, takes the prompt away, and counts what it took for
        session and person: all or nothing. Of one that was erased, or has an answer, only what it took is counted."""

    def count(self, ref: RequestRef, session_id: str, prompt_tokens: int, completion_tokens: int) -> None:
        """What was spent on a request whose attempt came to no end: it is another worker's now, or nobody's."""

    def erase(self, ref: RequestRef) -> None:
        """Nobody waits for it any more."""


class RequestStore:
    def __init__(self, items: Table, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.items = items
        self.clock = clock

    def keep(self, request: GpuRequest) -> None:
        ref, over_at = request.ref, ids.parse_timestamp(request.created_at) + KEPT
        common = {
            "user_id": ref.user_id,
            "relay_id": ref.relay_id,
            "created_at": request.created_at,
            "expires_at": int(over_at.timestamp()),
        }
        asked = {"prompt": packed_prompt(request.prompt), "whole": request.whole}
        self.items.transact(
            put_write({**keys.request_key(ref.request_id), **common, **asked}),
            put_write({**keys.open_request_key(ref.request_id), **common}),
        )

    def look(self, ref: RequestRef) -> RequestLook | None:
        item = self.items.get(keys.request_key(ref.request_id))
        if item is None:
            return None
        look = RequestLook(item.get("attempts", 0), item.get("session_id", ""))
        if "end" not in item:
            return look
        deltas = unpacked_deltas(bytes(item["answer"])) if "answer" in item else None
        return RequestLook(look.attempt, look.session_id, end_from_json(item["end"]), deltas)

    def erase(self, ref: RequestRef) -> None:
        self.items.transact(*_erasing(ref))

    def withdraw(self, ref: RequestRef) -> str:
        # The condition is that no worker has it: whoever takes it afterwards finds nothing.
        waiting = delete_write(keys.request_key(ref.request_id), "attribute_not_exists(session_id)")
        if self.items.transact_if(waiting, delete_write(keys.open_request_key(ref.request_id))):
            return ""
        found = self.look(ref)
        self.erase(ref)
        return found.session_id if found and found.end is None else ""

    def take(self, ref: RequestRef, session_id: str) -> TakenRequest | None:
        try:
            item = self.items.update(
                keys.request_key(ref.request_id),
                "SET session_id = :session ADD attempts :one",
                {":session": session_id, ":one": 1},
                condition="attribute_exists(prompt)",
            )
        except ConditionFailed:
            return None
        prompt, whole = unpacked_prompt(bytes(item["prompt"])), bool(item.get("whole"))
        return TakenRequest(prompt, item["attempts"], item["created_at"], whole)

    def finish(self, ref: RequestRef, session_id: str, end: RequestEnd, deltas: Sequence[Delta]) -> None:
        kept = packed_deltas(deltas)
        answer = {":end": end_to_json(end), **({":answer": kept} if kept is not None else {})}
        saved = self.items.transact_if(
            update_write(
                keys.request_key(ref.request_id),
                f"SET #end = :end{', answer = :answer' if kept is not None else ''} REMOVE prompt",
                answer,
                condition="attribute_exists(prompt)",
                names={"#end": "end"},
            ),
            update_write(
                keys.open_request_key(ref.request_id), "SET is_over = :yes", {":yes": True}, "attribute_exists(pk)"
            ),
            *self._counting(ref, session_id, end.prompt_tokens, end.completion_tokens, answered=1),
        )
        if not saved and not self._is_own_answer(ref, session_id):
            self.count(ref, session_id, end.prompt_tokens, end.completion_tokens)

    def _is_own_answer(self, ref: RequestRef, session_id: str) -> bool:
        """An earlier try of the same write had come through, and has counted it."""
        found = self.look(ref)
        return found is not None and found.end is not None and found.session_id == session_id

    def count(self, ref: RequestRef, session_id: str, prompt_tokens: int, completion_tokens: int) -> None:
        if prompt_tokens or completion_tokens:
            self.items.transact(*self._counting(ref, session_id, prompt_tokens, completion_tokens, answered=0))

    def _counting(
        self, ref: RequestRef, session_id: str, prompt_tokens: int, completion_tokens: int, *, answered: int
    ) -> list[Write]:
        session = update_write(
            keys.session_key(session_id),
            "ADD prompt_tokens :p, completion_tokens :c, messages_answered :answered, version :one",
            {":p": prompt_tokens, ":c": completion_tokens, ":answered": answered, ":one": 1},
        )
        used = Used(
            service=UsedService.GPU,
            kind=UsageKind.API,
            messages=answered,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
        )
        return [session, usage_write(ref.user_id, self.clock(), used)]

    def open_requests(self) -> Iterable[OpenRequest]:
        """Oldest first."""
        return map(_open_from_item, self.items.query(keys.REQUESTS))

    def waiting(self) -> int:
        """How many are answered just now or wait for it. What is older than anybody waits does not count."""
        since = ids.timestamp(self.clock() - KEPT)
        return sum(not one.is_over and one.created_at > since for one in self.open_requests())

    def expired(self, now: datetime) -> list[OpenRequest]:
        """Those that nobody waits for any more."""
        until = ids.timestamp(now - KEPT)
        return [one for one in self.open_requests() if one.created_at <= until]


def _erasing(ref: RequestRef) -> tuple[Write, Write]:
    return delete_write(keys.request_key(ref.request_id)), delete_write(keys.open_request_key(ref.request_id))


def _open_from_item(item: Mapping[str, Any]) -> OpenRequest:
    ref = RequestRef(item["sk"], item["user_id"], item["relay_id"])
    return OpenRequest(ref, item["created_at"], bool(item.get("is_over")))
