"""A person who has used everything, and another one, in moto's table, bucket and user pool."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3

from foreverus import bootstrap, ids
from foreverus.access.preferences import PreferenceStore
from foreverus.access.records import Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.attempts import Attempts
from foreverus.aws import keys
from foreverus.aws.cognito_users import CognitoUsers
from foreverus.aws.data_api import Database
from foreverus.aws.s3 import S3Objects
from foreverus.aws.s3_versions import ObjectVersions
from foreverus.aws.step_functions import MemoryTasks
from foreverus.batches.finishing import file_ids, outbox_entry
from foreverus.batches.model import new_batch
from foreverus.batches.records import BatchRef, BatchStatus, LineResult, Shard
from foreverus.batches.store import BatchStore
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.erasing import ConversationEraser
from foreverus.conversations.library import PromptLibrary, PromptStore
from foreverus.conversations.records import Conversation, FinishedAnswer, Question
from foreverus.conversations.remembered.records import Memory
from foreverus.conversations.remembered.store import MemoryStore
from foreverus.conversations.store import ConversationStore
from foreverus.costs.ledger import LedgerStore
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.deletions.work import Deletions, Erased
from foreverus.documents.records import Document, DocumentStatus
from foreverus.documents.sources import Source, Sources
from foreverus.documents.store import DocumentStore
from foreverus.files.records import FilePurpose, new_file
from foreverus.files.store import FileStore
from foreverus.files.uploads.records import UploadPart, new_upload
from foreverus.files.uploads.store import UploadStore
from foreverus.idempotency.store import MemoryClaims, Once
from foreverus.live.connections import ConnectionStore
from foreverus.notifications.outbox import OutboxStore
from foreverus.privacy.batches import EraseBatch
from foreverus.privacy.erasing import ErasePerson
from foreverus.privacy.kept import kept
from foreverus.privacy.receipts import Erasures
from foreverus.privacy.service import AccountService
from foreverus.results.changed_people import ChangedPeople
from foreverus.results.erasing import EraseConversation, EraseFile
from tests.unit.access.conftest import MemorySockets
from tests.unit.conftest import NOW, Aws, session_item

REQUEST = {"input_file_id": "file_in", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
CONFIRMED = {"confirm": "delete everything"}
LATER = NOW + timedelta(hours=3)  # nobody can write anything back


@dataclass
class Called:
    """The eraser, as who calls it sees it."""

    times: int = 0
    fails: bool = False

    def call(self) -> None:
        if self.fails:
            raise ConnectionError
        self.times += 1


class Person:
    """`text` stands in everything that they have written."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        made = boto3.client("cognito-idp").admin_create_user(
            UserPoolId=world.pool, Username=f"{name}@example.com", MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": f"{name}@example.com"}],
        )  # fmt: skip
        self.user_id = next(one["Value"] for one in made["User"]["Attributes"] if one["Name"] == "sub")
        self.text = f"the secret of {name}"

    def use_everything(self) -> None:
        self.key()
        self.converse()
        self.upload_file(f"file_{self.name}")
        self.upload_in_parts()
        self.run_batch(f"batch_{self.name}", BatchStatus.COMPLETED)
        socket = Caller(user_id=self.user_id)
        ConnectionStore(self.world.aws.items).open(f"connection of {self.name}", socket, NOW)
        self.world.aws.put(**session_item(f"ses_of_{self.name}", owner=self.user_id, status="ended"))
        others = session_item(f"ses_ended_by_{self.name}", owner="somebody", end_requested_by=self.user_id)
        self.world.aws.put(**others)
        PreferenceStore(self.world.aws.items).change(self.user_id, {"backend": "gpu"})
        ChangedPeople(self.world.aws.items).note([self.user_id])
        self.have_a_document()
        prompts = PromptLibrary(PromptStore(self.world.aws.items), Once(MemoryClaims(), lambda: NOW), lambda: NOW)
        prompts.create(self.user_id, {"name": self.text, "text": self.text})
        MemoryStore(self.world.aws.items).create(
            self.user_id,
            Memory(memory_id=ids.new_id("memory", NOW), text=self.text, conversation_id=f"conv_{self.name}"),
        )

    def have_a_document(self) -> None:
        """One that can be asked: `converse` has an answer that was made of it."""
        store = DocumentStore(self.world.aws.items)
        made = Document(
            document_id=f"doc_{self.name}", user_id=self.user_id, filename=self.text, bytes=8,
            created_at=ids.timestamp(NOW),
        )  # fmt: skip
        reading = store.change(store.create(made), DocumentStatus.READING, NOW)
        assert reading and store.ready(reading, NOW, chunks=1)

    def key(self) -> str:
        return str(
            KeyService(self.world.api_keys, MemorySockets(), lambda: NOW).create(
                Caller(user_id=self.user_id), {"name": self.text}
            )["key"]
        )

    def converse(self, conversation_id: str = "") -> str:
        """One question is answered, and one waits."""
        conversation_id = conversation_id or f"conv_{self.name}"
        at, items = ids.timestamp(NOW), self.world.aws.items
        store = ConversationStore(items)
        store.create(
            Conversation(
                conversation_id=conversation_id, user_id=self.user_id, title=self.text, system=self.text,
                created_at=at, updated_at=at,
            )
        )  # fmt: skip
        for message_id in (f"msg_{self.name}1", f"msg_{self.name}2"):
            question = Question(
                message_id=message_id, conversation_id=conversation_id, user_id=self.user_id, content=self.text,
                created_at=at,
            )  # fmt: skip
            assert store.accept(question)
            if message_id.endswith("1"):
                self.world.aws.put(**session_item("ses_shared", owner="somebody"))
                sources = Sources((Source(number=1, document_id=f"doc_{self.name}", page=2, end=8),))
                DynamoAnswers(items).finish(question.ref, FinishedAnswer(self.text, sources=sources), "ses_shared", NOW)
        return conversation_id

    def upload_file(self, file_id: str) -> None:
        file = new_file(file_id, self.user_id, self.text, 8, NOW, expires_s=86_400)
        self.world.files.note_expiry(file)
        self.world.objects.put(file.object_key, self.text.encode())
        self.world.objects.put(file.object_key, f"{self.text} again".encode())
        assert self.world.files.put(file)

    def upload_in_parts(self) -> None:
        uploads = UploadStore(self.world.aws.items)
        request = {"filename": self.text, "purpose": "batch", "bytes": 8, "mime_type": "text/plain"}
        upload = uploads.create(new_upload(f"upload_{self.name}", self.user_id, request, NOW))
        assert uploads.add_part(upload, UploadPart(f"part_{self.name}", upload.upload_id, 8, ids.timestamp(NOW)))
        self.world.objects.put(upload.parts_prefix + f"part_{self.name}", self.text.encode())

    def run_batch(self, batch_id: str, status: BatchStatus) -> BatchRef:
        """Of one shard, with its output file and our copy of its input."""
        batch = new_batch(batch_id, self.user_id, {**REQUEST, "metadata": {"note": self.text}}, NOW)
        over = {"ended_at": ids.timestamp(NOW)} if status.is_over else {}
        self.world.batches.create(replace(batch, status=status, **over))
        self.world.batches.put_shards(batch_id, [Shard(0, 1, 1, 0, 1)])
        self.world.batches.keep_results(batch_id, 0, [LineResult(1, self.text, by="ses_1", text=self.text)], NOW)
        self.world.objects.put(batch.input_key, self.text.encode())
        OutboxStore(self.world.aws.items).add(outbox_entry(batch.ref))
        if status.is_over:
            self.world.batches.close_open(batch_id)
            output = new_file(file_ids(batch_id)[0], self.user_id, "output", 8, NOW, purpose=FilePurpose.BATCH_OUTPUT)
            self.world.objects.put(output.object_key, self.text.encode())
            assert self.world.files.put(output)
        return batch.ref


class World:
    def __init__(self, aws: Aws, database: Database | None = None) -> None:
        self.aws = aws
        self.pool = boto3.client("cognito-idp").create_user_pool(PoolName="p", UsernameAttributes=["email"])[
            "UserPool"
        ]["Id"]
        boto3.client("s3").put_bucket_versioning(Bucket=aws.data_bucket, VersioningConfiguration={"Status": "Enabled"})
        self.objects = S3Objects(bootstrap.aws.client("s3"), aws.data_bucket, lambda: NOW)
        self.files, self.batches = FileStore(aws.items), BatchStore(aws.items)
        self.api_keys = ApiKeyStore(aws.api_keys)
        self.members = CognitoUsers(bootstrap.aws.client("cognito-idp"), self.pool)
        self.eraser, self.tasks, self.database = Called(), MemoryTasks(), database
        self.sockets = MemorySockets()
        self.owed, self.erasures = OwedDeletions(aws.items), Erasures(aws.items)

    def service(self, now: datetime = NOW) -> AccountService:
        return AccountService(
            items=self.aws.items,
            api_keys=self.api_keys,
            members=self.members,
            sockets=self.sockets,
            eraser=self.eraser,
            kept=kept(30, has_database=True),
            clock=lambda: now,
        )

    def leave(self, person: Person, now: datetime = NOW) -> str:
        return str(self.service(now).delete(Caller(user_id=person.user_id), CONFIRMED)["id"])

    def work_off(self, now: datetime = NOW) -> tuple[list[Erased], list[str]]:
        """One round of both functions that erase: what is gone, and what failed."""
        items = self.aws.items
        versions = ObjectVersions(bootstrap.aws.client("s3"), self.aws.data_bucket)
        person = ErasePerson(
            items=items, api_keys=self.api_keys, members=self.members, versions=versions,
            database=partial(nullcontext, self.database) if self.database else None, erasures=self.erasures,
            clock=lambda: now,
        )  # fmt: skip
        erase = {
            OwedKind.PERSON: person,
            OwedKind.BATCH: EraseBatch(
                self.batches, LedgerStore(items), versions, OutboxStore(items), self.tasks, lambda: now
            ),
            OwedKind.CONVERSATION: EraseConversation(ConversationEraser(items), self.database),
            OwedKind.FILE: EraseFile(self.objects, self.batches, lambda: now),
        }
        attempts = Attempts()
        return Deletions(self.owed, erase, lambda: now).work_off(attempts), attempts.failed

    def places(self, *words: str) -> list[str]:
        """Where one of these words still is: items of both tables, objects with all their versions, people."""
        found = [
            f"{item['pk']} {item['sk']}"
            for table in (self.aws.items, self.aws.api_keys)
            for item in (table_item for table_item in _scanned(table.name))
            if any(word in str(item) for word in words)
        ]
        s3 = boto3.client("s3")
        for one in s3.list_object_versions(Bucket=self.aws.data_bucket).get("Versions", []):
            body = s3.get_object(Bucket=self.aws.data_bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            found += [one["Key"]] if any(word in one["Key"] or word.encode() in body for word in words) else []
        people = boto3.client("cognito-idp").list_users(UserPoolId=self.pool)["Users"]
        return found + [one["Username"] for one in people if any(word in str(one) for word in words)]


def _scanned(table: str) -> list[dict[str, Any]]:
    from foreverus.aws.attribute_values import from_attribute_values

    found: list[dict[str, Any]] = []
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    for page in pages:
        found += [from_attribute_values(item) for item in page["Items"]]
    return found


def owed_key(person: Person) -> keys.Key:
    return keys.owed_deletion_key(OwedKind.PERSON, person.user_id)
