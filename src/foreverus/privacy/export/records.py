"""What an export is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreverus import ids

KEPT = timedelta(days=7)  # template.yaml has the bucket's rule, which deletes no sooner
AGAIN_AFTER = timedelta(days=1)  # each one reads everything of a person
AGAIN_AFTER_FAILURE = timedelta(
    hours=1
)  # and one that has failed did so again and again; doubled by each that fails too
MOST_TRIES = 40  # calls of 15 minutes: far more than the largest takes


class ExportStatus(StrEnum):
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """`bytes`: of one that is ready. `ended_at`: of one that is over. `failures`: so many of the person's have failed
    in a row, with this one."""

    export_id: str
    user_id: str
    created_at: str
    status: ExportStatus = ExportStatus.RUNNING
    bytes: int = 0
    ended_at: str = ""
    failures: int = 0

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
        begun, pause = self.created_at, AGAIN_AFTER
        if self.status is ExportStatus.FAILED:
            pause = min(AGAIN_AFTER, AGAIN_AFTER_FAILURE * 2 ** min(max(self.failures - 1, 0), 10))
            begun = self.ended_at or begun
        left = ids.parse_timestamp(begun) + pause - now
        return max(0, int(left.total_seconds()) + 1) if left > timedelta(0) else 0


def new_export(user_id: str, now: datetime, before: Export | None = None) -> Export:
    """`before`: the person's newest until now."""
    failures = before.failures if before and before.status is ExportStatus.FAILED else 0
    return Export(
        export_id=ids.new_id("export", now), user_id=user_id, created_at=ids.timestamp(now), failures=failures
    )
