"""Requests of programs that nobody waits for any more: what was asked, and its answer, goes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from foreverus.relay.records import OpenRequest, RequestRef
from foreverus.sweeps.sweep import Repair


class Requests(Protocol):
    def expired(self, now: datetime) -> list[OpenRequest]: ...
    def erase(self, ref: RequestRef) -> None: ...


@dataclass(frozen=True)
class ExpiredRequests:
    """DynamoDB's own TTL may take days. A worker that comes to one afterwards finds nothing, and drops it."""

    store: Requests
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        for one in self.store.expired(self.clock()):
            yield Repair(one.ref.request_id, partial(self._erase, one.ref))

    def _erase(self, ref: RequestRef) -> str:
        self.store.erase(ref)
        return "erased"
