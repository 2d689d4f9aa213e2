"""The capacity diary in DynamoDB: one item for each instance type and zone."""

from contextlib import suppress

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table
from foreverus.sessions.capacity import DiaryEntry, Pool


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


def _pool(item: Item) -> Pool:
    instance_type, _, zone = item["sk"].partition("#")
    facts = ("bought_at", "bought_lifecycle", "refused_at", "refused_lifecycle", "refused_code")
    return Pool(instance_type=instance_type, zone=zone, **{name: item[name] for name in facts if item.get(name)})
