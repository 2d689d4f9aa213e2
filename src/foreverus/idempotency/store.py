"""Who claimed which id: in DynamoDB, and the twin in memory. And how a service uses it.

An id is claimed before anything is made, and made under that id once: whoever repeats a request whose first try was
cut off at any point goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.aws.dynamo import ConditionFailed, Item, Table, delete_write
from foreverus.errors import RequestRejected
from foreverus.idempotency.records import CreateRequest, IdClaim, key_reused


class Claims(Protocol):
    def claim(self, request: CreateRequest, new_id: str, now: datetime) -> IdClaim:
        """`new_id`, or the id that an earlier try has claimed. Raises Conflict for a key that came with something
        else."""

    def forget(self, request: CreateRequest, claim: IdClaim) -> None:
        """Nothing was made: the same key may come with something else."""


@dataclass(frozen=True)
class Once:
    """What is created inside is created once, however often its request comes."""

    claims: Claims
    clock: Callable[[], datetime]

    @contextmanager
    def __call__(self, request: CreateRequest, prefix: str) -> Iterator[IdClaim]:
        """The id to create under, `<prefix>_…`. What is refused inside leaves no claim. Raises Conflict."""
        now = self.clock()
        claim = self.claims.claim(request, ids.new_id(prefix, now), now)
        try:
            yield claim
        except RequestRejected:
            if claim.is_first:
                self.claims.forget(request, claim)
            raise


class ClaimStore:
    def __init__(self, items: Table):
        self.items = items

    def claim(self, request: CreateRequest, new_id: str, now: datetime) -> IdClaim:
        key, seconds = request.item_key, int(now.timestamp())
        if key is None:
            return IdClaim(new_id, is_first=True)
        item: Item = {**key, "id": new_id, "fingerprint": request.fingerprint, "expires_at": seconds + request.kept_s}
        if request.is_certainly_new:
            self.items.put(item)
            return IdClaim(new_id, is_first=True)
        while True:
            try:
                # DynamoDB deletes what has expired when it comes to it.
                self.items.put(item, "attribute_not_exists(pk) OR expires_at <= :now", {":now": seconds})
                return IdClaim(new_id, is_first=True)
            except ConditionFailed:
                earlier = self.items.get(key)
            if earlier:
                return _repeated(request, earlier)
            # It was forgotten just now: this is the first again.

    def forget(self, request: CreateRequest, claim: IdClaim) -> None:
        key = request.item_key
        if key:
            self.items.transact_if(delete_write(key, "id = :id", {":id": claim.id}))


def _repeated(request: CreateRequest, earlier: Item) -> IdClaim:
    """Claims of earlier versions have other names for the id and no fingerprint."""
    if request.attempt.key and earlier.get("fingerprint", request.fingerprint) != request.fingerprint:
        raise key_reused(request.attempt.key)
    return IdClaim(str(earlier.get("id") or earlier.get("batch_id") or earlier.get("message_id")), is_first=False)


class MemoryClaims:
    """Twin of `ClaimStore`."""

    def __init__(self) -> None:
        self.held: dict[str, Item] = {}

    def claim(self, request: CreateRequest, new_id: str, now: datetime) -> IdClaim:
        key, seconds = request.item_key, int(now.timestamp())
        if key is None:
            return IdClaim(new_id, is_first=True)
        earlier = self.held.get(key["pk"])
        if earlier and earlier["expires_at"] > seconds and not request.is_certainly_new:
            return _repeated(request, earlier)
        expires_at = seconds + request.kept_s
        self.held[key["pk"]] = {"id": new_id, "fingerprint": request.fingerprint, "expires_at": expires_at}
        return IdClaim(new_id, is_first=True)

    def forget(self, request: CreateRequest, claim: IdClaim) -> None:
        key = request.item_key
        if key and self.held.get(key["pk"], {}).get("id") == claim.id:
            del self.held[key["pk"]]
