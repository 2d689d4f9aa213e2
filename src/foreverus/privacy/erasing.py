"""Everything of somebody who has left goes from every store, and does not come back.

One pass ends what lets them in, owes the deletion of each conversation, file and batch (whoever works those off also
takes them out of PostgreSQL), and erases whatever else is found by who they are. Each step can be done again, so a pass
that was cut off anywhere is repeated whole. The person is gone when a pass finds nothing left and nothing owed.

Not found by who they are, and without their id: idempotency keys (digests, a day) and what the month has cost. What
they have used becomes nobody's, day by day, so that the months' sums stay.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from foreverus import ids
from foreverus.access.store import ApiKeyStore
from foreverus.aws import keys, person_keys, socket_keys
from foreverus.aws.cognito_users import CognitoUsers
from foreverus.aws.data_api import Database
from foreverus.aws.dynamo import Table
from foreverus.aws.s3_versions import ObjectVersions
from foreverus.conversations.remembered.store import MemoryStore
from foreverus.conversations.store import ConversationStore
from foreverus.costs.usage.store import UsageStore
from foreverus.deletions.owed import OwedDeletion, OwedDeletions, OwedKind, owed_write
from foreverus.documents.store import PREFIX
from foreverus.errors import ForeverUsError, NotFound
from foreverus.files.store import FileStore
from foreverus.privacy.history import ERASED, erase_history
from foreverus.privacy.receipts import Erasures, Store
from foreverus.sessions.store import SessionStore


class PeopleNotErased(ForeverUsError):
    """Names what could not be erased; all else was. The next pass tries again."""


OWED_BY_A_PERSON = (OwedKind.CONVERSATION, OwedKind.EXCHANGE, OwedKind.FILE, OwedKind.BATCH, OwedKind.DOCUMENT)
FOLDERS = ("files", "uploads", "exports", "documents")  # of the data bucket: `<folder>/<user id>/…`
# Partitions that hold things of many people, each with its `user_id`.
SHARED_PARTITIONS = (
    *(keys.PENDING, keys.PENDING_ON_BEDROCK),
    *(keys.EXPIRING_FILES, keys.EXPORTS, keys.IDLE_CONVERSATIONS),
    person_keys.UNCOPIED_PEOPLE,
)


@dataclass(frozen=True)
class ErasePerson:
    """`database`: for as long as it is used, because its login is lent; None where the stack was deployed without
    PostgreSQL."""

    items: Table
    api_keys: ApiKeyStore
    members: CognitoUsers
    versions: ObjectVersions
    database: Callable[[], AbstractContextManager[Database]] | None
    erasures: Erasures
    clock: Callable[[], datetime]

    def __call__(self, owed: OwedDeletion) -> bool:
        """One pass. PostgreSQL is last: all else is gone when it is down."""
        user_id = owed.name
        count = _Counter(self.erasures, owed.receipt_id)
        count(Store.KEYS, "api_keys", self.api_keys.forget_person(user_id))
        count(Store.COGNITO, "users", self.members.delete(user_id))
        count(
            Store.DYNAMODB, "files", self._owe_files(user_id)
        )  # before those with which their images would go uncounted
        count(Store.DYNAMODB, "conversations", self._owe_conversations(user_id))
        count(Store.DYNAMODB, "batches", self._owe_batches(user_id))
        count(Store.DYNAMODB, "uploads", self._forget_uploads(user_id))
        count(Store.DYNAMODB, "memories", MemoryStore(self.items).forget_person(user_id))
        count(Store.DYNAMODB, "documents", self._forget_documents(user_id))
        count(Store.DYNAMODB, "others", self._forget_others(user_id))
        sessions = SessionStore(self.items).forget_person(user_id, ERASED)
        count(Store.DYNAMODB, "sessions_without_owner", sessions)
        days = UsageStore(self.items).forget_person(user_id, self.clock())
        count(Store.DYNAMODB, "days_of_usage_without_owner", days)
        for folder in FOLDERS:
            count(Store.S3, folder, self.versions.erase(f"{folder}/{user_id}/"))
        if self.database is not None:
            with self.database() as database:
                gone = erase_history(database, user_id)
            for table, rows in gone.items():
                count(Store.POSTGRESQL, table, rows)
        return self._is_gone(owed)

    def _is_gone(self, owed: OwedDeletion) -> bool:
        """Whether nothing is left, for now or, when it is settled, for good. Then the receipt says so."""
        now, user_id = self.clock(), owed.name
        settled = owed.is_settled(now)
        deletions = OwedDeletions(self.items)
        left = [one for kind in OWED_BY_A_PERSON for one in deletions.of(kind) if one.user_id == user_id]
        if any(settled or not one.erased_at for one in left) or any(True for _ in self._own(user_id)):
            return False
        self.erasures.note(owed.receipt_id, now, settled=settled)
        return True

    def _owe_conversations(self, user_id: str) -> int:
        store, found = ConversationStore(self.items), 0
        for conversation_id in self._ids(user_id, "CONVERSATION#"):
            try:
                store.delete(user_id, conversation_id, self.clock())
            except NotFound:
                continue  # somebody else was faster
            found += 1
        return found

    def _owe_files(self, user_id: str) -> int:
        store, found = FileStore(self.items), 0
        for file_id in self._ids(user_id, "FILE#"):
            store.delete(user_id, file_id, self.clock())
            found += 1
        return found

    def _owe_batches(self, user_id: str) -> int:
        """Their records stay until they are over and everything else of them is gone."""
        deletions, found = OwedDeletions(self.items), 0
        for batch_id in self._ids(user_id, "BATCH#"):
            now = ids.timestamp(self.clock())
            if deletions.get(OwedKind.BATCH, batch_id) is None:
                owed = OwedDeletion(kind=OwedKind.BATCH, name=batch_id, user_id=user_id, deleted_at=now)
                self.items.transact(owed_write(owed))
                found += 1
        return found

    def _forget_uploads(self, user_id: str) -> int:
        """Parts first: the upload leads to them."""
        found = 0
        for upload_id in self._ids(user_id, "UPLOAD#"):
            self.items.delete_all(list(self._keys(keys.upload_part_key(upload_id, "")["pk"])))
            self.items.delete(keys.upload_key(user_id, upload_id))
            found += 1
        return found

    def _forget_documents(self, user_id: str) -> int:
        """Their records. Who reads one just now finds it gone, and takes back what it has kept."""
        found = list(self._keys(person_keys.documents_partition(user_id)))
        self.items.delete_all([*found, person_keys.ready_documents_key(user_id)])
        return sum(key["sk"].startswith(PREFIX) for key in found)

    def _forget_others(self, user_id: str) -> int:
        """Whatever else is theirs, of any kind."""
        owed = ("CONVERSATION#", "FILE#", "BATCH#")
        mine = [key for key in self._own(user_id) if not key["sk"].startswith(owed)]
        mine += self._keys(keys.person_counts_partition(user_id))
        for partition in SHARED_PARTITIONS:
            mine += self._keys(partition, of=user_id)
        for socket in self._keys(socket_keys.sockets_partition(user_id)):  # it closes itself within a minute
            mine += [socket_keys.connection_key(socket["sk"]), socket]
        self.items.delete_all(mine)
        for one in (keys.export_key(user_id), keys.preferences_key(user_id)):
            self.items.delete(one)
        OwedDeletions(self.items).forget(user_id)
        return len(mine)

    def _own(self, user_id: str) -> Iterator[keys.Key]:
        return self._keys(keys.person_partition(user_id))

    def _ids(self, user_id: str, kind: str) -> Iterator[str]:
        return (key["sk"].removeprefix(kind) for key in self._own(user_id) if key["sk"].startswith(kind))

    def _keys(self, partition: str, *, of: str = "") -> Iterator[keys.Key]:
        """Of a whole partition, or what in it is somebody's."""
        for item in self.items.query(partition):
            if not of or item.get("user_id") == of:
                yield {"pk": item["pk"], "sk": item["sk"]}


@dataclass(frozen=True)
class _Counter:
    erasures: Erasures
    receipt_id: str

    def __call__(self, store: Store, kind: str, number: int) -> None:
        self.erasures.count(self.receipt_id, store, kind, number)
