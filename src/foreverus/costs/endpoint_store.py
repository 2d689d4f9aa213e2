"""For how long a SageMaker endpoint's instance is paid already: one item of the table for each. The twin is a field of
`MemoryEndpointAccounts`."""

from datetime import timedelta

from foreverus import ids
from foreverus.aws.demand_keys import endpoint_key
from foreverus.aws.dynamo import Found, Table, Write, put_write
from foreverus.costs.endpoint import UpTime

KEPT = timedelta(days=1)  # after that: it says nothing any more


class EndpointStore:
    """`endpoint`: its name."""

    def __init__(self, items: Table, endpoint: str):
        self.items = items
        self.key = endpoint_key(endpoint)

    def get(self) -> UpTime | None:
        return up_time_of(self.items.get(self.key))

    def change(self, before: UpTime | None, after: UpTime) -> Write:
        """The part of a transaction that changes it as it was read."""
        item = self._item(after)
        if before is None:
            return put_write(item, "attribute_not_exists(pk)")
        old = self._item(before)
        values = {":until": old["paid_until"], ":ready": old["ready_at"]}
        return put_write(item, "paid_until = :until AND ready_at = :ready", values)

    def _item(self, up: UpTime) -> dict[str, object]:
        kept = int((up.until + KEPT).timestamp())
        times = {"ready_at": ids.timestamp(up.ready_at), "paid_until": ids.timestamp(up.until)}
        return {**self.key, **times, "expires_at": kept}


def up_time_of(item: Found) -> UpTime | None:
    if item is None:
        return None
    ready_at, until = (ids.parse_timestamp(str(item[name])) for name in ("ready_at", "paid_until"))
    return UpTime(ready_at=ready_at, until=until)
