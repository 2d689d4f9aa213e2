"""Exports in DynamoDB: a person's newest, and those that are being made."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, delete_write, put_write, update_write
from foreverus.privacy.export.records import KEPT, Export, ExportStatus

LEASE = timedelta(minutes=16)  # longer than a Lambda lives


class OpenExport(NamedTuple):
    """One that is being made. `tries`: calls that have begun."""

    export_id: str
    user_id: str
    tries: int


class ExportStore:
    def __init__(self, items: Table):
        self.items = items

    def get(self, user_id: str) -> Export | None:
        item = self.items.get(keys.export_key(user_id))
        return _from_item(user_id, item) if item else None

    def start(self, export: Export, instead_of: Export | None) -> bool:
        """False where another request was faster."""
        before = {":before": instead_of.export_id} if instead_of else None
        vanishes = int((ids.parse_timestamp(export.created_at) + KEPT).timestamp())
        record = {"export_id": export.export_id, "status": export.status.value, "created_at": export.created_at}
        return self.items.transact_if(
            put_write(
                {**keys.export_key(export.user_id), **record, "failures": export.failures, "expires_at": vanishes},
                "export_id = :before" if before else "attribute_not_exists(pk)",
                before,
            ),
            put_write({**keys.open_export_key(export.export_id), "user_id": export.user_id}),
        )

    def open_exports(self) -> list[OpenExport]:
        """Oldest first."""
        found = self.items.query(keys.EXPORTS)
        return [OpenExport(item["sk"], item["user_id"], int(item.get("tries", 0))) for item in found]

    def lease(self, export_id: str, now: datetime) -> int:
        """From here on nobody else works on it, for LEASE; which try this is. 0: somebody does, or it is not open."""
        try:
            item = self.items.update(
                keys.open_export_key(export_id),
                "SET leased_until = :until ADD tries :one",
                {":until": ids.timestamp(now + LEASE), ":now": ids.timestamp(now), ":one": 1},
                condition="attribute_exists(pk) AND (attribute_not_exists(leased_until) OR leased_until < :now)",
            )
        except ConditionFailed:
            return 0
        return int(item["tries"])

    def release(self, export_id: str) -> None:
        """The next call goes on with it."""
        try:
            key = keys.open_export_key(export_id)
            self.items.update(key, "REMOVE leased_until", {}, condition="attribute_exists(pk)")
        except ConditionFailed:
            return

    def end(self, export: Export, status: ExportStatus, now: datetime, size: int = 0) -> bool:
        """False where its record is gone: the person was deleted meanwhile, and what was made is nobody's."""
        ended = self.items.transact_if(
            update_write(
                keys.export_key(export.user_id),
                "SET #status = :status, #bytes = :size, ended_at = :now, #failures = :failures",
                {
                    ":status": status.value,
                    ":size": size,
                    ":id": export.export_id,
                    ":now": ids.timestamp(now),
                    ":failures": export.failures + 1 if status is ExportStatus.FAILED else 0,
                },
                "export_id = :id",
                {"#status": "status", "#bytes": "bytes", "#failures": "failures"},
            ),
            delete_write(keys.open_export_key(export.export_id)),
        )
        if not ended:
            self.items.delete(keys.open_export_key(export.export_id))
        return ended


def _from_item(user_id: str, item: Mapping[str, Any]) -> Export:
    return Export(
        export_id=item["export_id"],
        user_id=user_id,
        created_at=item["created_at"],
        status=ExportStatus(item["status"]),
        bytes=int(item.get("bytes", 0)),
        ended_at=item.get("ended_at", ""),
        failures=int(item.get("failures", 0)),
    )
