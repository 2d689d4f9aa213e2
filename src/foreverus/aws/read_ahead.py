"""Tables of which several items are read with one call: a request that needs eight of them makes one instead of eight.

Who uses them needs `dynamodb:BatchGetItem` beside `dynamodb:GetItem`. A BatchGetItem is as consistent as a GetItem of
each of its items, and no snapshot of all: what is then written on condition that an item is as it was read needs none.
"""

from collections.abc import Callable, Sequence
from typing import Any

from foreverus.aws.dynamo import Found, Table, Values
from foreverus.aws.keys import Key

Place = tuple[str, str]


class BatchTable(Table):
    """`get_each` makes one call."""

    def __init__(self, table: Table):
        super().__init__(table.client, table.name, table.sleep)

    def get_each(self, *wanted: Key) -> list[Found]:
        found = self._by_place(wanted)
        return [found.get(_place(key)) for key in wanted]

    def _by_place(self, wanted: Sequence[Key]) -> dict[Place, Found]:
        return {_place(item): item for item in self.get_all(wanted)}


class ReadAhead(BatchTable):
    """For one request, in one thread at a time: `wanted` (100 at most, each once) come together when the first of them
    is asked for. After each write, and each that failed, they are read anew: who tries again sees what others did."""

    def __init__(self, table: Table, *wanted: Key):
        super().__init__(table)
        self._wanted = {_place(key): key for key in wanted}
        self._found: dict[Place, Found] | None = None

    def get(self, key: Key) -> Found:
        if _place(key) not in self._wanted:
            return super().get(key)
        if self._found is None:
            self._found = self._by_place(list(self._wanted.values()))
        return self._found.get(_place(key))

    def get_each(self, *wanted: Key) -> list[Found]:
        more = [key for key in wanted if _place(key) not in self._wanted]
        found = self._by_place(more) if more else {}
        return [found.get(_place(key)) if key in more else self.get(key) for key in wanted]

    def _write(self, write: Callable[[], Any]) -> Any:
        try:
            return super()._write(write)
        finally:
            self._found = None


def _place(item: Values) -> Place:
    return str(item["pk"]), str(item["sk"])
