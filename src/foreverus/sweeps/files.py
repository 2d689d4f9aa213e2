"""Files whose time is over: their bytes and their records go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from foreverus.aws.s3 import Objects
from foreverus.files.records import ExpiringFile, object_key
from foreverus.files.store import Files
from foreverus.sweeps.sweep import Repair


@dataclass(frozen=True)
class ExpiredFiles:
    """Nobody finds them any more since they have expired (`FileService`); here they are deleted."""

    store: Files
    objects: Objects
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        for one in self.store.expired(self.clock()):
            yield Repair(one.file_id, partial(self._delete, one))

    def _delete(self, one: ExpiringFile) -> str | None:
        file = self.store.get(one.user_id, one.file_id)
        if file and not file.has_expired(self.clock()):
            # A file that was made in two tries, of which the later one counts and is noted as well.
            self.store.forget_expiry(one)
            return None
        self.objects.delete(object_key(one.user_id, one.file_id))
        self.store.delete(one.user_id, one.file_id, self.clock())
        self.store.forget_expiry(one)
        return "deleted"
