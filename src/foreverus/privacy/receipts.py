"""What is kept of a deletion: that it was, what went and when, and nothing of whom."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Write, put_write

_COUNT = "count_"


class Store(StrEnum):
    """Where something was."""

    DYNAMODB = "dynamodb"
    KEYS = "keys"
    S3 = "s3"
    POSTGRESQL = "postgresql"
    COGNITO = "cognito"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """`person`: a digest, by which somebody who knows a person's id finds their receipt. `erased_at`: everything was
    gone; `settled_at`: and looked for once more, when nobody could write anything back. `counts`: `<store> <kind>` →
    how many."""

    receipt_id: str
    person: str
    requested_at: str
    erased_at: str = ""
    settled_at: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


def digest_of(user_id: str) -> str:
    """A user id has 122 random bits: nobody finds one for a digest. PostgreSQL reckons the same (migration 006)."""
    return hashlib.sha256(user_id.encode()).hexdigest()


def new_erasure(user_id: str, now: datetime) -> Erasure:
    return Erasure(receipt_id=ids.new_id("erasure", now), person=digest_of(user_id), requested_at=ids.timestamp(now))


def receipt_write(erasure: Erasure) -> Write:
    """The part of the transaction with which the deletion begins."""
    item = {"person": erasure.person, "requested_at": erasure.requested_at}
    return put_write({**keys.erasure_key(erasure.receipt_id), **item})


class Erasures:
    def __init__(self, items: Table):
        self.items = items

    def get(self, receipt_id: str) -> Erasure | None:
        item = self.items.get(keys.erasure_key(receipt_id))
        return _from_item(item) if item else None

    def newest(self, limit: int) -> list[Erasure]:
        return [_from_item(item) for item in self.items.query(keys.ERASURES, newest_first=True, limit=limit)]

    def count(self, receipt_id: str, store: Store, kind: str, number: int) -> None:
        """Adds to what went. Two passes that overlap, which Lambda's own retries may make, count some of it twice."""
        if number:
            key, names = keys.erasure_key(receipt_id), {"#count": f"{_COUNT}{store} {kind}"}
            self.items.update(key, "ADD #count :n", {":n": number}, condition="attribute_exists(pk)", names=names)

    def note(self, receipt_id: str, now: datetime, *, settled: bool) -> Erasure:
        """Everything is gone; the first time counts."""
        times = {":now": ids.timestamp(now)}
        expression = "SET erased_at = if_not_exists(erased_at, :now)"
        if settled:
            expression += ", settled_at = if_not_exists(settled_at, :now)"
        key = keys.erasure_key(receipt_id)
        return _from_item(self.items.update(key, expression, times, condition="attribute_exists(pk)"))


def _from_item(item: Mapping[str, Any]) -> Erasure:
    counts = {name.removeprefix(_COUNT): int(number) for name, number in item.items() if name.startswith(_COUNT)}
    return Erasure(
        receipt_id=item["sk"],
        person=item["person"],
        requested_at=item["requested_at"],
        erased_at=item.get("erased_at", ""),
        settled_at=item.get("settled_at", ""),
        counts=dict(sorted(counts.items())),
    )
