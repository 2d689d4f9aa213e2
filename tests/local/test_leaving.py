"""Somebody uses everything, takes it along and leaves: no store has them then, and others have all of theirs."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from foreverus.access.records import Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.aws import keys
from foreverus.aws.attribute_values import from_attribute_values
from foreverus.aws.dynamo import Table
from foreverus.deletions.owed import OwedKind
from local import history
from local.cloud import Cloud
from local.deploy import NoSockets
from local.person import Person
from tests.local.batches import jsonl, line
from tests.local.sessions import invoke, wait_until

pytestmark = pytest.mark.cloud

SECRET = "o segredo de quem sai"
PAST = "2026-01-01T00:00:00.000Z"
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


class Leaver:
    """A new person of the pool, who comes with a key that may make keys."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, cognito = cloud, cloud.emulator.client("cognito-idp")
        address = f"leaver-{datetime.now(UTC):%H%M%S%f}@example.com"
        made = cognito.admin_create_user(
            UserPoolId=cloud.stack["UserPoolId"], Username=address, MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}],
        )  # fmt: skip
        self.address = address
        self.user_id = next(one["Value"] for one in made["User"]["Attributes"] if one["Name"] == "sub")
        api_keys = ApiKeyStore(Table(cloud.emulator.client("dynamodb"), cloud.stack["KeysTableName"]))
        service = KeyService(api_keys, NoSockets(), lambda: datetime.now(UTC))
        wish = {"name": SECRET, "can_create_keys": True}
        self.key = str(service.create(Caller(user_id=self.user_id), wish)["key"])
        self.http = httpx.Client(
            base_url=cloud.outputs["api_url"],
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=300,
            trust_env=False,
        )

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body, **more)
        answer.raise_for_status()
        return dict(answer.json())


@pytest.fixture
def leaver(cloud: Cloud) -> Iterator[Leaver]:
    one = Leaver(cloud)
    yield one
    one.http.close()


def scanned(cloud: Cloud) -> list[tuple[str, str]]:
    """(where, everything in it) of both tables."""
    found = []
    for name in ("TableName", "KeysTableName"):
        pages = cloud.emulator.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.stack[name])
        items = [from_attribute_values(item) for page in pages for item in page["Items"]]
        found += [(f"{item['pk']} {item['sk']}", str(item)) for item in items]
    return found


def stored(cloud: Cloud) -> list[tuple[str, str]]:
    """(key, content) of every object of every bucket."""
    s3, found = cloud.emulator.client("s3"), []
    for bucket in s3.list_buckets()["Buckets"]:
        listed = s3.list_object_versions(Bucket=bucket["Name"]).get("Versions", [])
        for one in listed:
            body = s3.get_object(Bucket=bucket["Name"], Key=one["Key"])["Body"].read()
            found.append((one["Key"], one["Key"] + body.decode("utf-8", "replace")))
    return found


def rows(cloud: Cloud) -> list[tuple[str, str]]:
    """(table, row) of PostgreSQL."""

    def ask(sql: str) -> list[str]:
        return [str(row[0]) for row in history.rows(cloud, sql)]

    tables = ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    return [(table, row) for table in tables for row in ask(f"SELECT t::text FROM {table} t")]


def queued(cloud: Cloud) -> list[tuple[str, str]]:
    """(queue, message) of what waits; it goes on waiting."""
    sqs, found = cloud.emulator.client("sqs"), []
    for url in sqs.list_queues().get("QueueUrls", []):
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        found += [(url, one["Body"]) for one in got]
    return found


def places(cloud: Cloud, *words: str) -> list[str]:
    people = cloud.emulator.client("cognito-idp").list_users(UserPoolId=cloud.stack["UserPoolId"])["Users"]
    everything = [
        *scanned(cloud), *stored(cloud), *rows(cloud), *queued(cloud), *((one["Username"], str(one)) for one in people)
    ]  # fmt: skip
    return [where for where, text in everything if any(word in text for word in words)]


def use_everything(leaver: Leaver, person: Person) -> None:
    """A conversation that a GPU answers, a file, an upload in parts, a batch on Bedrock; then its session is over and
    all of it is in PostgreSQL."""
    conversation = leaver.call("POST", "/conversations", {"title": SECRET, "system": SECRET})["id"]
    message = {"content": SECRET, "max_tokens": 8, "backend": "gpu"}
    leaver.call("POST", f"/conversations/{conversation}/messages", message)

    def answered() -> bool:
        found = leaver.call("GET", f"/conversations/{conversation}/messages")["data"]
        return [one["status"] for one in found] == ["accepted", "answered"]

    wait_until(answered, "the message is answered")
    leaver.call("POST", "/memories", {"text": SECRET})
    leaver.call("PATCH", "/me", {"language": "pt"})
    content = jsonl([line("a", SECRET), line(SECRET, "b")])
    form = {"file": (f"{SECRET}.jsonl", content, "application/jsonl")}
    file = leaver.http.post("/files", data={"purpose": "batch"}, files=form).json()["id"]
    wish = {"filename": SECRET, "purpose": "batch", "bytes": 100, "mime_type": "application/jsonl"}
    upload = leaver.call("POST", "/uploads", wish)["id"]
    leaver.http.post(f"/uploads/{upload}/parts", files={"data": ("part", SECRET.encode())}).raise_for_status()
    asked = {
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": {"backend": "bedrock", "note": SECRET},
    }  # fmt: skip
    batch = leaver.call("POST", "/batches", asked)["id"]
    wait_until(lambda: leaver.call("GET", f"/batches/{batch}")["status"] == "completed", "the batch is over")
    for session in leaver.call("GET", "/sessions")["data"]:
        if session["status"] not in ("ended", "failed"):
            person.end_session(session["id"])
    cloud = leaver.cloud
    wait_until(lambda: any(SECRET in row for table, row in rows(cloud) if table == "messages"), "it is in PostgreSQL")
    wait_until(lambda: any(SECRET in row for table, row in rows(cloud) if table == "memories"), "who they are is, too")
    wait_until(lambda: any(leaver.user_id in row for table, row in rows(cloud) if table == "batches"), "the batch too")


def exported(leaver: Leaver) -> zipfile.ZipFile:
    leaver.call("GET", "/me/export")
    wait_until(lambda: leaver.call("GET", "/me/export")["status"] == "ready", "the export is made")
    shown = leaver.call("GET", "/me/export")
    content = httpx.get(shown["url"], timeout=300, trust_env=False).content
    assert len(content) == shown["bytes"]
    return zipfile.ZipFile(io.BytesIO(content))


def hours_later(cloud: Cloud, user_id: str) -> None:
    """The table says that the time is over in which anything could be written back."""
    table, name = cloud.emulator.client("dynamodb"), cloud.stack["TableName"]
    for kind in OwedKind:
        values = {":p": {"S": keys.owed_deletions_partition(kind)}}
        found = table.query(TableName=name, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)["Items"]
        for item in found:
            if item["user_id"]["S"] == user_id:
                table.put_item(TableName=name, Item={**item, "deleted_at": {"S": PAST}})


def test_whoever_leaves_takes_everything_along_and_is_in_no_store(cloud: Cloud, person: Person, leaver: Leaver) -> None:
    """With the permissions that the stack has."""
    kept = person.call("POST", "/conversations", {"title": "stays"})["id"]
    use_everything(leaver, person)
    assert {where.split(" ")[0].split("#")[0] for where in places(cloud, SECRET)} >= {
        "USER",
        "CONVERSATION",
        "messages",
    }
    found = exported(leaver)
    whole = {name: found.read(name).decode() for name in found.namelist()}
    assert sum(SECRET in text for text in whole.values()) >= 6
    assert leaver.key not in str(whole) and json.loads(whole["account.json"])["email"] == leaver.address
    refused = leaver.http.request("DELETE", "/me", json={"confirm": "yes"})
    assert refused.status_code == 400
    receipt = leaver.call("DELETE", "/me", {"confirm": "delete everything"})
    assert receipt["id"].startswith("erasure_") and receipt["kept"]
    for moment in ("at once", "later"):
        for _ in range(3):
            invoke(cloud, "ErasePeople", SCHEDULED)
            invoke(cloud, "StoreResults", SCHEDULED)
        if moment == "at once":
            assert [where for where in places(cloud, SECRET) if "OWED" not in where] == []
            hours_later(cloud, leaver.user_id)
    assert places(cloud, SECRET, leaver.user_id, leaver.address) == []
    assert person.call("GET", f"/conversations/{kept}")["title"] == "stays"
    table = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])
    kept_receipt = table.get(keys.erasure_key(receipt["id"])) or {}
    assert kept_receipt["settled_at"] and kept_receipt["count_postgresql messages"] >= 0
    assert [kept_receipt[f"count_postgresql {table}"] for table in ("memories", "preferences")] == [1, 1]
