"""Makes exports. A call that has no time left keeps how far it came, and the next one goes on there; one that is killed
is begun again from what was kept last, by whoever finds its lease over."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.attempts import Attempts
from foreverus.aws.s3 import Objects
from foreverus.aws.s3_resumable import Progress, ResumableObject
from foreverus.errors import ForeverUsError
from foreverus.privacy.export.archive import Archive, entries_in, progress_in
from foreverus.privacy.export.content import PersonsData
from foreverus.privacy.export.records import MOST_TRIES, Export, ExportStatus
from foreverus.privacy.export.store import ExportStore, OpenExport

# The largest file takes a minute and a half at 2 MB/s, far below what Lambda and S3 do.
ENOUGH_S = 120.0

logger = logging.getLogger(__name__)


class NotExported(ForeverUsError):
    """Names the exports that failed just now; they are tried again."""


@dataclass(frozen=True)
class ExportJob:
    """`upload` begins the object of a key, or goes on with one."""

    store: ExportStore
    data: PersonsData
    objects: Objects
    upload: Callable[[str, Progress | None], ResumableObject]
    clock: Callable[[], datetime]

    def work(self, seconds_left: Callable[[], float]) -> dict[str, str]:
        """Export → what became of it in this call. Raises NotExported once all were tried."""
        attempts, done = Attempts(), {}
        for one in self.store.open_exports():
            if seconds_left() < ENOUGH_S:
                break
            with attempts.at(one.export_id):
                done[one.export_id] = self._make(one, seconds_left)
        attempts.raise_any(NotExported)
        return done

    def _make(self, one: OpenExport, seconds_left: Callable[[], float]) -> str:
        tries = self.store.lease(one.export_id, self.clock())
        if not tries:
            return "in work"
        export = self.store.get(one.user_id)
        if export is None or export.export_id != one.export_id:  # deleted with its person
            nobodys = Export(export_id=one.export_id, user_id=one.user_id, created_at="")
            self.store.end(nobodys, ExportStatus.FAILED, self.clock())
            return "gone"
        if tries > MOST_TRIES:
            self.store.end(export, ExportStatus.FAILED, self.clock())
            logger.error("%s is given up after %d tries", export.export_id, MOST_TRIES)
            return "failed"
        try:
            return self._write(export, seconds_left)
        finally:
            self.store.release(export.export_id)

    def _write(self, export: Export, seconds_left: Callable[[], float]) -> str:
        state_key = export.work_prefix + "state.json"
        archive = self._archive(export, state_key)
        for entry in self.data.entries(export.user_id):
            if entry.name in archive:
                continue
            if seconds_left() < ENOUGH_S:
                self.objects.put(state_key, archive.state(), "application/json")
                return "goes on later"
            archive.add(entry.name, entry.read())
        size = archive.close()
        ended = self.store.end(export, ExportStatus.READY, self.clock(), size)
        if not ended:
            self.objects.erase(export.object_key)
        self.objects.erase(state_key)
        return "ready" if ended else "gone"

    def _archive(self, export: Export, state_key: str) -> Archive:
        if (head := self.objects.head(state_key)) is None:
            return Archive(self.upload(export.object_key, None), export.created_at)
        state = self.objects.read(state_key, 0, head.size)
        return Archive(self.upload(export.object_key, progress_in(state)), export.created_at, entries_in(state))
