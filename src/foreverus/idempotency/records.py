"""What makes two requests the same one, sent twice. Pure.

Whoever sends an Idempotency-Key says so. OpenAI's clients send none, and retry by themselves what they got no answer
to; each try says how many went before it (`x-stainless-retry-count`). So a retry is the repetition of the newest
request of the same person to the same route with the same content, within the time that such a client may wait. What
that can miss stands in docs/batches.md.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from foreverus.api.requests import RequestAttempt
from foreverus.aws import keys
from foreverus.errors import Conflict
from foreverus.idempotency.deleted import KEY_KEPT_S
from foreverus.text import quoted

RETRY_WITHIN_S = 15 * 60  # OpenAI's clients wait 10 minutes for an answer, and up to one more before they try again


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """`scope`: the route, and what the new thing belongs to; `fingerprint`: of all that it asks for."""

    user_id: str
    scope: str
    fingerprint: str
    attempt: RequestAttempt

    @property
    def item_key(self) -> keys.Key | None:
        """Where what the first such request has made is remembered; None: nobody could ask for it."""
        if self.attempt.key:
            return keys.idempotency_key(self.user_id, self.scope, self.attempt.key)
        if self.attempt.retry is not None:
            return keys.idempotency_key(self.user_id, f"{self.scope}\nretries", self.fingerprint)
        return None

    @property
    def kept_s(self) -> int:
        return KEY_KEPT_S if self.attempt.key else RETRY_WITHIN_S

    @property
    def is_certainly_new(self) -> bool:
        """A first try without a key: whatever looks like it was meant to be another one."""
        return not self.attempt.key and not self.attempt.retry


@dataclass(frozen=True, slots=True)
class IdClaim:
    """The id to create under. `is_first`: no earlier request has claimed it; else what it made may be there."""

    id: str
    is_first: bool


def fingerprint(content: Mapping[str, object], data: bytes = b"") -> str:
    """Of a body that was read, so that neither its spelling nor a form's boundary counts, and `null` is as if absent;
    `data`: of a file in it.

    >>> fingerprint({"a": 1, "b": 2, "c": None}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1})
    True
    """
    given = {name: value for name, value in content.items() if value is not None}
    found = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    found.update(hashlib.sha256(data).digest())
    return found.hexdigest()


def key_reused(key: str) -> Conflict:
    return Conflict(
        f"The Idempotency-Key {quoted(key)} was used for another request before. Send a new key with a new request, or "
        "exactly the same request with the same key.",
        param="Idempotency-Key",
        code="idempotency_key_reused",
    )
