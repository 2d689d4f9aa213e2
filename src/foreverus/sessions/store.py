"""Session records and the GPU slot in DynamoDB."""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from foreverus import table
from foreverus.dynamo import Table, condition_failed, delete_write, put_write, update_write
from foreverus.errors import AnotherSessionIsLive

Item = dict[str, Any]


class SessionStore:
    def __init__(self, items: Table):
        self.items = items

    def live_session_id(self) -> str | None:
        """Who holds the GPU slot: the session that is live, from request to termination."""
        slot = self.items.get(table.GPU_SLOT)
        return slot["session_id"] if slot else None

    def get(self, session_id: str) -> Item | None:
        return self.items.get(table.session_key(session_id))

    def newest(self, limit: int, after: str = "") -> list[Item]:
        return list(self.items.query(table.SESSIONS, newest_first=True, limit=limit, before=after))

    def claim(self, session: Item) -> None:
        """Writes the record and takes the GPU slot, both or neither. Raises AnotherSessionIsLive."""
        try:
            self.items.transact(
                put_write(session, "attribute_not_exists(pk)"),
                put_write(
                    {**table.GPU_SLOT, "session_id": session["session_id"], "claimed_at": session["created_at"]},
                    "attribute_not_exists(pk)",
                ),
            )
        except ClientError as err:
            if condition_failed(err):
                raise AnotherSessionIsLive from err
            raise

    def unclaim(self, session_id: str) -> None:
        """Undoes `claim` when the execution could not be started: nothing was launched."""
        self.items.transact(
            delete_write(table.session_key(session_id)),
            delete_write(table.GPU_SLOT, "session_id = :s", {":s": session_id}),
        )

    def request_end(self, session_id: str, now: datetime) -> Item:
        """The worker reads this in its mailbox within a second or two."""
        return self.items.update(
            table.session_key(session_id),
            "SET end_requested = :yes, end_requested_at = if_not_exists(end_requested_at, :now) ADD version :one",
            {":yes": True, ":now": table.timestamp(now), ":one": 1},
            condition="attribute_exists(pk)",
        )

    def close(self, session_id: str, changes: Item, now: datetime) -> Item:
        """Writes the end into the record, and releases the GPU slot if it is this session's.

        Safe to run twice: the second run writes the same values and finds the slot released or taken by another.
        """
        record = {**changes, "ended_at": table.timestamp(now)}
        names = {f"#{name}": name for name in record}
        sets = ", ".join(f"#{name} = :{name}" for name in record)
        values = {f":{name}": value for name, value in record.items()} | {":one": 1}
        key = table.session_key(session_id)
        try:
            self.items.transact(
                update_write(key, f"SET {sets} REMOVE task_token ADD version :one", values, names=names),
                delete_write(table.GPU_SLOT, "attribute_not_exists(pk) OR session_id = :s", {":s": session_id}),
            )
        except ClientError as err:
            if not condition_failed(err):
                raise
            self.items.update(key, f"SET {sets} REMOVE task_token ADD version :one", values, names=names)
        return self.get(session_id) or {}

    def mark_stored(self, session_id: str, now: datetime) -> None:
        self.items.update(
            table.session_key(session_id),
            "SET stored_at = :now ADD version :one",
            {":now": table.timestamp(now), ":one": 1},
            condition="attribute_exists(pk)",
        )

    def count_store_try(self, session_id: str) -> None:
        self.items.update(
            table.session_key(session_id), "ADD store_tries :one", {":one": 1}, condition="attribute_exists(pk)"
        )

    def something_waits(self) -> bool:
        """Whether any accepted request has no answer yet."""
        return next(self.items.query(table.PENDING, limit=1), None) is not None
