"""What an export is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreverus import ids

KEPT = timedelta(days=7)  # template.yaml has the bucket's rule, which deletes no sooner
AGAIN_AFTER = timedelta(days=1)  # each one reads everything of a person
MOST_TRIES = 40  # calls of 15 minutes: far more than the largest takes


class ExportStatus(StrEnum):
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`bytes`: of one that is ready."""

    export_id: str
    user_id: str
    created_at: str
    status: ExportStatus = ExportStatus.RUNNING
    bytes: int = 0

    @property
    def object_key(self) -> str:
        return f"exports/{self.user_id}/{self.export_id}.zip"

    @property
    def work_prefix(self) -> str:
        """Where a call leaves what the next one goes on with."""
        return f"exports/{self.user_id}/{self.export_id}/"

    @property
    def expires_at(self) -> str:
        return ids.timestamp(ids.parse_timestamp(self.created_at) + KEPT)

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= ids.timestamp(now)

    def seconds_to_the_next(self, now: datetime) -> int:
        """How long until another one may be asked for; 0: now."""
        if self.status is ExportStatus.FAILED:
            return 0
        left = ids.parse_timestamp(self.created_at) + AGAIN_AFTER - now
        return max(0, int(left.total_seconds()) + 1) if left > timedelta(0) else 0


def new_export(user_id: str, now: datetime) -> Export:
    return Export(export_id=ids.new_id("export", now), user_id=user_id, created_at=ids.timestamp(now))
