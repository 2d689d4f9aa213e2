"""What people do with exports: ask for one, look whether it is there, fetch it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.api.responses import Body
from foreverus.aws.s3 import Objects
from foreverus.errors import LimitReached
from foreverus.privacy.export.records import Export, ExportStatus, new_export
from foreverus.privacy.export.store import ExportStore

logger = logging.getLogger(__name__)


class Function(Protocol):
    def call(self) -> None: ...


@dataclass(frozen=True)
class ExportService:
    """`job` makes what is open, and is called every few minutes besides."""

    store: ExportStore
    objects: Objects
    job: Function
    clock: Callable[[], datetime]

    def show(self, user_id: str) -> Body:
        """The newest one; where there is none to be had, one is begun. One that has failed is shown until it is time
        for the next: whoever asks every few seconds does not have everything of theirs read again and again."""
        found, now = self.store.get(user_id), self.clock()
        if found and found.status is ExportStatus.FAILED and found.seconds_to_the_next(now):
            return self._view(found)
        if found and found.status is not ExportStatus.FAILED and not found.has_expired(now):
            return self._view(found)
        return self._view(self._start(user_id, found))

    def start(self, user_id: str) -> Body:
        """A new one, or the one that is being made. Raises LimitReached: one a day, because each reads
        everything of a person, and after one that has failed an hour's pause at least."""
        found = self.store.get(user_id)
        if found is None or found.status is not ExportStatus.RUNNING:
            wait = found.seconds_to_the_next(self.clock()) if found else 0
            if wait:
                raise LimitReached(_not_yet(found, wait), "exported_just_now", wait)
            found = self._start(user_id, found)
        return self._view(found)

    def _start(self, user_id: str, before: Export | None) -> Export:
        export = new_export(user_id, self.clock(), before)
        if not self.store.start(export, before):
            return self.store.get(user_id) or export
        try:
            self.job.call()
        except Exception:  # it is kept: the job's own schedule finds it
            logger.warning("%s waits for the schedule", export.export_id, exc_info=True)
        return export

    def _view(self, export: Export) -> Body:
        shown: Body = {
            "id": export.export_id,
            "object": "export",
            "status": export.status.value,
            "created_at": export.created_at,
            "expires_at": export.expires_at,
        }
        if export.status is not ExportStatus.READY:
            return shown
        name = f"forever-us-{export.created_at[:10]}.zip"
        return {**shown, "bytes": export.bytes, "url": self.objects.presigned_get(export.object_key, name)}


def _not_yet(newest: Export | None, wait_s: int) -> str:
    if newest and newest.status is ExportStatus.FAILED:
        return f"Your newest export has failed. Ask again in {-(-wait_s // 60)} minutes."
    return (
        "Your newest export was begun less than a day ago: fetch that one (GET /me/export), or ask again "
        f"in {-(-wait_s // 3600)} hours."
    )
