"""Files whose time is over: their bytes and their records go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from foreverus.aws.s3 import Objects
from foreverus.files.records import ExpiringFile, File, object_key
from foreverus.files.store import Files
from foreverus.sweeps.sweep import Repair


@dataclass(frozen=True)
class ExpiredFiles:
    """Files whose time is over: nobody finds them any more (`FileService`), and here they are deleted. And what was
    announced and never came, and bytes that a crash left without a record: each file is looked at once, hours after it
    was begun."""

    store: Files
    objects: Objects
    clock: Callable[[], datetime]
    look_after: Callable[[File], File]  # of an announced file: whether its bytes have come meanwhile

    def __call__(self) -> Iterator[Repair]:
        for one in self.store.expired(self.clock()):
            yield Repair(one.file_id, partial(self._delete, one))

    def _delete(self, one: ExpiringFile) -> str | None:
        file = self.store.get(one.user_id, one.file_id)
        if file and not file.is_there:
            file = self.look_after(file)
        if file and file.is_there and not file.has_expired(self.clock()):
            # It came to be as it should; or in two tries, of which the later one counts and is noted as well.
            self.store.forget_expiry(one)
            return None
        self.objects.delete(object_key(one.user_id, one.file_id))
        self.store.delete(one.user_id, one.file_id, self.clock())
        self.store.forget_expiry(one)
        return "deleted"
