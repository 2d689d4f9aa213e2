"""What people made on the laptop's cloud, kept between two runs of `make up`.

The cloud itself is made anew each time, from the template and the code as they are now. Kept is what is in it: the rows
of both tables, the objects of the data bucket, and who signs in with which password and API key. Only AWS's own API is
used for it, so that neither the emulator's memory nor a changed template matters.

| what | after the next `make up` |
|---|---|
| a session that was live | is closed by the reaper at once: its GPU is gone |
| a question without an answer | is queued again by a sweep, and gets a session |
| PostgreSQL | is empty first; the sweep stores the newest sessions again |
| sockets | the page opens new ones |
"""

import base64
import contextlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.deploy import STACK
from local.emulator import Emulator
from local.state import write_json

EVERY_S = 60.0  # so much is lost where the laptop loses its power
TABLES = ("TableName", "KeysTableName")  # outputs of the stack
OF_SOCKETS = ("CONNECTION#", "SOCKETS#", "SUBSCRIBERS#")  # how the partitions begin whose items die with a socket
TOLD_TO_POSTGRES = ("stored_at", "store_tries")  # of a session: the new PostgreSQL knows nothing of it
PUT_AT_ONCE = 25  # BatchWriteItem takes no more


@dataclass(frozen=True)
class Account:
    """Who signs in. `user_id`: Cognito's `sub` (a UUID), by which everything of that person is found."""

    user_id: str
    password: str
    api_key: str


class Kept:
    """In `directory`, for its owner's eyes alone. `save` may be cut off at any moment: what an earlier one wrote
    stays good, because each file is replaced as a whole, and the objects come before the rows that name them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.saving = threading.Lock()

    def forget(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def account(self) -> Account | None:
        """None: nothing is kept."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Account(**json.loads((self.directory / "account.json").read_text()))
        return None

    def save(self, emulator: Emulator, stack: dict[str, str], account: Account) -> None:
        with self.saving:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._save_objects(emulator.client("s3"), stack["DataBucket"])
            for name in TABLES:
                write_json(self.directory / f"{name}.json", list(_rows(emulator.client("dynamodb"), stack[name])))
            write_json(self.directory / "account.json", asdict(account))

    def restore(self, emulator: Emulator, stack: dict[str, str], was: str, now: str) -> None:
        """Into a stack that was just deployed. `was`, `now`: the person's id; Cognito gives out new ones only."""
        s3, dynamodb = emulator.client("s3"), emulator.client("dynamodb")
        for one in self._objects().values():
            with (self.directory / "objects" / one["file"]).open("rb") as body:
                s3.put_object(Bucket=stack["DataBucket"], Key=one["key"].replace(was, now), Body=body, **one["with"])
        for name in TABLES:
            rows = json.loads((self.directory / f"{name}.json").read_text().replace(was, now))
            requests = [{"PutRequest": {"Item": _with_bytes(row, base64.b64decode)}} for row in rows]
            for first in range(0, len(requests), PUT_AT_ONCE):
                dynamodb.batch_write_item(RequestItems={stack[name]: requests[first : first + PUT_AT_ONCE]})
        cloudformation, functions = emulator.client("cloudformation"), emulator.client("lambda")
        for name in ("ReapGpusFunction", "SweepFunction"):  # what was live is over; what waits gets its session
            found = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
            functions.invoke(FunctionName=found["StackResourceDetail"]["PhysicalResourceId"], Payload=b"{}")

    def _objects(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads((self.directory / "objects.json").read_text()))
        return {}

    def _save_objects(self, s3: Any, bucket: str) -> None:
        folder = self.directory / "objects"
        folder.mkdir(exist_ok=True)
        had, there = self._objects(), {}
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for one in page.get("Contents", []):
                name = f"{one['ETag']} {one['Key']}"
                with contextlib.suppress(s3.exceptions.NoSuchKey):  # deleted meanwhile
                    there[name] = had.get(name) or _save_object(s3, bucket, one["Key"], folder)
        write_json(self.directory / "objects.json", there)
        files = {one["file"] for one in there.values()}
        for left in folder.iterdir():
            if left.name not in files:
                left.unlink()


def _save_object(s3: Any, bucket: str, key: str, folder: Path) -> dict[str, Any]:
    """What `put_object` needs to make it again."""
    found = s3.get_object(Bucket=bucket, Key=key)
    name = base64.urlsafe_b64encode(f"{found['ETag']} {key}".encode()).decode()[-200:]
    with (folder / name).open("wb") as file:
        shutil.copyfileobj(found["Body"], file)
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    extra = {"ContentType": found["ContentType"], "Metadata": found["Metadata"]}
    if tags:
        extra["Tagging"] = "&".join(f"{tag['Key']}={tag['Value']}" for tag in tags)
    return {"key": key, "file": name, "with": extra}


def _rows(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            if item["pk"]["S"].startswith(OF_SOCKETS):
                continue
            if item["pk"]["S"] == "SESSIONS":
                item = {name: value for name, value in item.items() if name not in TOLD_TO_POSTGRES}
            yield _with_bytes(item, lambda value: base64.b64encode(value).decode())


def _with_bytes(value: Any, convert: Callable[[Any], Any]) -> Any:
    """DynamoDB's typed values, with the binary ones converted."""
    if isinstance(value, list):
        return [_with_bytes(one, convert) for one in value]
    if isinstance(value, dict):
        return {name: convert(one) if name == "B" else _with_bytes(one, convert) for name, one in value.items()}
    return value
