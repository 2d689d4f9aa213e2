"""The capacity diary in DynamoDB: one item for each instance type and zone."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table
from foreverus.sessions.capacity import UNKNOWN, DiaryEntry, Pool
from foreverus.sessions.spot_lives import PoolCounts, SpotLife

COUNTING_TRIES = 5  # of two closings that count the same pool at once one tries again


class CapacityDiary:
    def __init__(self, items: Table):
        self.items = items

    def read(self) -> list[Pool]:
        return [_pool(item) for item in self.items.query(keys.CAPACITY)]

    def write(self, entries: list[DiaryEntry]) -> None:
        """Safe to run twice and in any order: an older fact never replaces a newer one."""
        for entry in entries:
            kind = "refused" if entry.code else "bought"
            sets = [
                f"{kind}_at = :at",
                f"{kind}_lifecycle = :lifecycle",
                *(["refused_code = :code"] * bool(entry.code)),
            ]
            values = {":at": entry.at, ":lifecycle": entry.lifecycle} | ({":code": entry.code} if entry.code else {})
            with suppress(ConditionFailed):
                self.items.update(
                    keys.capacity_key(entry.instance_type, entry.zone),
                    "SET " + ", ".join(sets),
                    values,
                    condition=f"attribute_not_exists({kind}_at) OR {kind}_at < :at",
                )

    def count(self, lives: Iterable[SpotLife]) -> None:
        """Each of them once, however often this is called for it soon again."""
        for life in lives:
            if UNKNOWN not in (life.instance_type, life.zone):
                self._count(life)

    def _count(self, life: SpotLife) -> None:
        key = keys.capacity_key(life.instance_type, life.zone)
        for _ in range(COUNTING_TRIES):
            before = _counts(self.items.get(key) or {})
            after = before.with_life(life)
            if after == before:
                return
            condition, values = "attribute_not_exists(counted)", _values(after)
            if before.counted:
                condition, values = "counted = :before", {**values, ":before": before.counted}
            with suppress(ConditionFailed):
                self.items.update(key, SET_COUNTS, values, condition=condition)
                return


SET_COUNTS = (
    "SET spot_launches = :launches, spot_hours = :hours, spot_interruptions = :interruptions, counted_at = :at, "
    "counted = :counted"
)


def _values(counts: PoolCounts) -> dict[str, object]:
    return {
        ":launches": round(counts.launches, 6),
        ":hours": round(counts.hours, 6),
        ":interruptions": round(counts.interruptions, 6),
        ":at": counts.at,
        ":counted": counts.counted,
    }


def _counts(item: Mapping[str, Any]) -> PoolCounts:
    return PoolCounts(
        launches=float(item.get("spot_launches", 0)),
        hours=float(item.get("spot_hours", 0)),
        interruptions=float(item.get("spot_interruptions", 0)),
        at=item.get("counted_at", ""),
        counted=tuple(item.get("counted", ())),
    )


def _pool(item: Item) -> Pool:
    instance_type, _, zone = item["sk"].partition("#")
    facts = ("bought_at", "bought_lifecycle", "refused_at", "refused_lifecycle", "refused_code")
    known = {name: item[name] for name in facts if item.get(name)}
    return Pool(instance_type=instance_type, zone=zone, counts=_counts(item), **known)
