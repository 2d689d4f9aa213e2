"""Twins in memory of what a relayed request needs."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from foreverus.backends.port import Delta
from foreverus.relay.codec import packed_deltas, packed_prompt, unpacked_deltas, unpacked_prompt
from foreverus.relay.records import GpuRequest, OpenRequest, RequestEnd, RequestLook, RequestRef, TakenRequest


@dataclass(frozen=True)
class _Kept:
    ref: RequestRef
    created_at: str
    prompt: bytes | None
    look: RequestLook
    whole: bool


class MemoryRequests:
    """Twin of `RequestStore`. `counted` is what `SESSIONS` and the person's day have of it: (session, person, prompt
    tokens, completion tokens, answers)."""

    def __init__(self) -> None:
        self.kept: dict[str, _Kept] = {}
        self.counted: list[tuple[str, str, int, int, int]] = []
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next call raises `error` and changes nothing."""
        self._failures.append(error)

    def keep(self, request: GpuRequest) -> None:
        self._raise()
        ref = request.ref
        self.kept[ref.request_id] = _Kept(
            ref, request.created_at, packed_prompt(request.prompt), RequestLook(), request.whole
        )

    def look(self, ref: RequestRef) -> RequestLook | None:
        self._raise()
        found = self.kept.get(ref.request_id)
        return found.look if found else None

    def erase(self, ref: RequestRef) -> None:
        self._raise()
        self.kept.pop(ref.request_id, None)

    def withdraw(self, ref: RequestRef) -> str:
        self._raise()
        found = self.kept.pop(ref.request_id, None)
        return found.look.session_id if found and found.look.end is None else ""

    def take(self, ref: RequestRef, session_id: str) -> TakenRequest | None:
        self._raise()
        found = self.kept.get(ref.request_id)
        if found is None or found.prompt is None:
            return None
        look = replace(found.look, attempt=found.look.attempt + 1, session_id=session_id)
        self.kept[ref.request_id] = replace(found, look=look)
        return TakenRequest(unpacked_prompt(found.prompt), look.attempt, found.created_at, found.whole)

    def finish(self, ref: RequestRef, session_id: str, end: RequestEnd, deltas: Sequence[Delta]) -> None:
        self._raise()
        found = self.kept.get(ref.request_id)
        if found is None or found.prompt is None:
            if found is None or found.look.session_id != session_id:
                self.count(ref, session_id, end.prompt_tokens, end.completion_tokens)
            return
        packed = packed_deltas(deltas)
        look = replace(found.look, end=end, deltas=None if packed is None else unpacked_deltas(packed))
        self.kept[ref.request_id] = replace(found, prompt=None, look=look)
        self.counted.append((session_id, ref.user_id, end.prompt_tokens, end.completion_tokens, 1))

    def count(self, ref: RequestRef, session_id: str, prompt_tokens: int, completion_tokens: int) -> None:
        self._raise()
        if prompt_tokens or completion_tokens:
            self.counted.append((session_id, ref.user_id, prompt_tokens, completion_tokens, 0))

    def open_requests(self) -> list[OpenRequest]:
        found = sorted(self.kept.items())
        return [OpenRequest(one.ref, one.created_at, one.look.end is not None) for _, one in found]

    def _raise(self) -> None:
        if self._failures:
            raise self._failures.popleft()
