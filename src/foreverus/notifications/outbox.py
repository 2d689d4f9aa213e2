"""The outbox: what people are to be notified of, until somebody has sent it (docs/decisions/0011).

Whoever writes the end of a session or a batch writes an entry beside it. The state machine sends the notification and
removes the entry; where its execution was cut off before, a sweep does both, with `deliver`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Item, Table, Write, put_write
from foreverus.notifications.notification import Notification, Notifier


class Subject(StrEnum):
    """What has ended."""

    SESSIONS = keys.SESSIONS
    BATCHES = keys.BATCHES


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """`name`: the session's or the batch's id. `user_id`: whose batch it is. `ended_at`: of a session."""

    subject: Subject
    name: str
    user_id: str = ""
    ended_at: str = ""


class Outbox(Protocol):
    """The twin is `MemoryOutbox`."""

    def add(self, entry: OutboxEntry) -> None:
        """Adding it again changes nothing."""

    def entries(self, subject: Subject) -> list[OutboxEntry]:
        """Those that nobody has sent, or whose sending nobody has noted."""

    def remove(self, subject: Subject, name: str) -> None:
        """The notification was sent. Removing what is not there changes nothing."""


def entry_write(entry: OutboxEntry) -> Write:
    """The part of a transaction that writes an end."""
    return put_write(_to_item(entry))


def deliver(outbox: Outbox, notifier: Notifier, entry: OutboxEntry, notification: Notification) -> None:
    """Sends it and removes the entry: a crash in between sends it twice, and never not at all."""
    notifier.send(notification)
    outbox.remove(entry.subject, entry.name)


class OutboxStore:
    def __init__(self, items: Table):
        self.items = items

    def add(self, entry: OutboxEntry) -> None:
        self.items.put(_to_item(entry))

    def entries(self, subject: Subject) -> list[OutboxEntry]:
        found = self.items.query(keys.outbox_partition(subject))
        return [OutboxEntry(subject, item["sk"], item.get("user_id", ""), item.get("ended_at", "")) for item in found]

    def remove(self, subject: Subject, name: str) -> None:
        self.items.delete(keys.outbox_key(subject, name))


class MemoryOutbox:
    """Twin of `OutboxStore`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Subject, str], OutboxEntry] = {}

    def add(self, entry: OutboxEntry) -> None:
        self.kept[entry.subject, entry.name] = entry

    def entries(self, subject: Subject) -> list[OutboxEntry]:
        return [entry for (of, _), entry in sorted(self.kept.items()) if of is subject]

    def remove(self, subject: Subject, name: str) -> None:
        self.kept.pop((subject, name), None)


def _to_item(entry: OutboxEntry) -> Item:
    more = {"user_id": entry.user_id, "ended_at": entry.ended_at}
    return {**keys.outbox_key(entry.subject, entry.name), **{name: value for name, value in more.items() if value}}
