"""DynamoDB in Python's own types: one table, and the handful of calls that we make."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from foreverus.aws.attribute_values import from_attribute_values, to_attribute_values
from foreverus.aws.dynamo_errors import collided, conditions_failed
from foreverus.aws.keys import Key
from foreverus.errors import ForeverUsError

Item: TypeAlias = dict[str, Any]  # as stored, in Python's own types: read by the stores alone
Found: TypeAlias = Item | None
Values: TypeAlias = Mapping[str, object]  # what goes into an item or an expression
Names: TypeAlias = Mapping[str, str] | None  # `{"#status": "status"}` for words that DynamoDB has reserved
Wire: TypeAlias = dict[str, object]  # a request's body, or a part of it

COLLISION_TRIES = 30  # a thousand people's answers in one item's turn: with 10, 2 in 100 gave up (docs/scale.md)
COLLISION_PAUSE_S, MOST_PAUSES = (0.01, 0.05), 10  # between two tries, times how many there were, ten at most
MOST_WRITES = 25  # of one BatchWriteItem
BATCH_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def _just_before(sk: str) -> str:
    """The largest text that sorts before `sk` and that somebody could have as a sort key (bytes, as DynamoDB sorts).

    >>> "FILE#1" < _just_before("FILE#2") < "FILE#2"
    True
    """
    return sk[:-1] + chr(ord(sk[-1]) - 1) + "~~~~"


class ConditionFailed(ForeverUsError):
    """A write's condition was not met, and nothing was written. `writes`: the places, from 0, of those writes of a
    transaction whose conditions were not met."""

    def __init__(self, writes: Sequence[int] = (0,)):
        super().__init__(f"The condition of write {', '.join(map(str, writes))} was not met.")
        self.writes = frozenset(writes)


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction; `kind`: Put, Update, Delete or ConditionCheck."""

    kind: str
    body: Wire

    def of(self, table: str) -> Wire:
        return {self.kind: {"TableName": table, **self.body}}


class Table:
    """One table, the handful of calls that we make."""

    def __init__(self, client: Any, name: str, sleep: Callable[[float], None] = time.sleep):
        self.client = client
        self.name = name
        self.sleep = sleep

    def get(self, key: Key) -> Found:
        """A consistent read."""
        found = self.client.get_item(TableName=self.name, Key=to_attribute_values(key), ConsistentRead=True)
        return from_attribute_values(found["Item"]) if "Item" in found else None

    def get_each(self, *wanted: Key) -> list[Found]:
        """`get` of several, one beside the other."""
        with ThreadPoolExecutor(len(wanted)) as beside:
            return list(beside.map(self.get, wanted))

    def get_all(self, wanted: Sequence[Key]) -> Iterator[Item]:
        """Those of at most 100 that are there, consistently, in any order; what DynamoDB leaves unread is asked for
        again. Raises ClientError when it leaves something unread for too long."""
        left = [to_attribute_values(key) for key in wanted]
        pauses = iter(BATCH_PAUSES_S)
        while left:
            request = {self.name: {"Keys": left, "ConsistentRead": True}}
            answer = self.client.batch_get_item(RequestItems=request)
            yield from map(from_attribute_values, answer["Responses"].get(self.name, []))
            left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if left:
                self._pause(pauses, "BatchGetItem", "DynamoDB leaves items unread.")

    def query(
        self,
        pk: str,
        sk_prefix: str = "",
        *,
        newest_first: bool = False,
        limit: int = 0,
        before: str = "",
        start: str = "",
        page: int = 0,
    ) -> Iterator[Item]:
        """Every item of a partition (with this prefix), consistently, in the order of `sk`; `before`: only smaller
        sort keys; `start` (with a prefix): this one and greater ones. `page`: items asked for at once, for who will
        stop somewhere; else it is a megabyte of them."""
        condition, values = "pk = :pk", {":pk": pk}
        if before and sk_prefix:
            # BETWEEN takes its end along; nobody's sort key ends in a character before the space.
            condition += " AND sk BETWEEN :sk AND :end"
            values |= {":sk": sk_prefix, ":end": _just_before(before)}
        elif start:
            condition += " AND sk BETWEEN :sk AND :end"
            values |= {":sk": start, ":end": f"{sk_prefix}~~~~"}
        elif before:
            condition += " AND sk < :sk"
            values[":sk"] = before
        elif sk_prefix:
            condition += " AND begins_with(sk, :sk)"
            values[":sk"] = sk_prefix
        request: Wire = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_attribute_values(values),
            "ScanIndexForward": not newest_first,
            "ConsistentRead": True,
        }
        if limit or page:
            request["Limit"] = limit or page
        seen = 0
        while True:
            found = self.client.query(**request)
            for image in found["Items"]:
                yield from_attribute_values(image)
                seen += 1
                if limit and seen >= limit:
                    return
            if "LastEvaluatedKey" not in found:
                return
            request["ExclusiveStartKey"] = found["LastEvaluatedKey"]

    def put(self, item: Values, condition: str = "", values: Values | None = None) -> None:
        """Raises ConditionFailed."""
        request = {"TableName": self.name, "Item": to_attribute_values(item), **_condition(condition, values)}
        self._write(lambda: self.client.put_item(**request))

    def put_all(self, items: Sequence[Values]) -> None:
        """Puts them all, in any order and without conditions; what DynamoDB leaves unwritten is sent again. Raises
        ClientError when it leaves something unwritten for too long."""
        self._write_all([{"PutRequest": {"Item": to_attribute_values(item)}} for item in items])

    def delete_all(self, them: Sequence[Key]) -> None:
        """As `put_all`."""
        self._write_all([{"DeleteRequest": {"Key": to_attribute_values(key)}} for key in them])

    def _write_all(self, requests: Sequence[Values]) -> None:
        waiting = list(requests)
        pauses = iter(BATCH_PAUSES_S)
        while waiting:
            request = {self.name: waiting[:MOST_WRITES]}
            answer = self.client.batch_write_item(RequestItems=request)
            unwritten = answer.get("UnprocessedItems", {}).get(self.name, [])
            waiting = unwritten + waiting[MOST_WRITES:]
            if unwritten:
                self._pause(pauses, "BatchWriteItem", "DynamoDB leaves items unwritten.")

    def _pause(self, pauses: Iterator[float], operation: str, message: str) -> None:
        """Before a part of a batch is sent again. Raises ClientError after the last pause."""
        pause = next(pauses, None)
        if pause is None:
            error = {"Code": "ThrottlingException", "Message": message}
            raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item]
        self.sleep(pause)

    def delete(self, key: Key) -> None:
        self.client.delete_item(TableName=self.name, Key=to_attribute_values(key))

    def update(self, key: Key, expression: str, values: Values, *, condition: str = "", names: Names = None) -> Item:
        """An UpdateItem; returns the item as it is afterwards. Raises ConditionFailed."""
        request = {"TableName": self.name, **_update(key, expression, values, condition, names)}
        done = self._write(lambda: self.client.update_item(ReturnValues="ALL_NEW", **request))
        return from_attribute_values(done["Attributes"])

    def exchange(self, key: Key, expression: str, values: Values, *, condition: str = "", names: Names = None) -> Found:
        """`update`, but returns the item as it was before; None where there was none."""
        request = {"TableName": self.name, **_update(key, expression, values, condition, names)}
        done = self._write(lambda: self.client.update_item(ReturnValues="ALL_OLD", **request))
        return from_attribute_values(done["Attributes"]) if done.get("Attributes") else None

    def transact(self, *writes: Write) -> None:
        """All or nothing. Build the writes with `put_write`, `update_write`, `delete_write`, `check_write`. Raises
        ConditionFailed."""
        items = [write.of(self.name) for write in writes]
        self._write(lambda: self.client.transact_write_items(TransactItems=items))

    def transact_if(self, *writes: Write) -> bool:
        """`transact`; False, and nothing is written, when a condition of one of the writes is not met."""
        try:
            self.transact(*writes)
        except ConditionFailed:
            return False
        return True

    def _write(self, write: Callable[[], Any]) -> Any:
        """Writes again while the write collides with somebody's transaction on the same item: the SDK does not. Many
        write a session's record at once (worker, state machine, API, reaper, eight answers that end together)."""
        attempt = 0
        while True:
            try:
                return write()
            except ClientError as err:
                if failed := conditions_failed(err):
                    raise ConditionFailed(failed) from err
                attempt += 1
                if not collided(err) or attempt == COLLISION_TRIES:
                    raise
                self.sleep(random.uniform(*COLLISION_PAUSE_S) * min(attempt, MOST_PAUSES))  # noqa: S311


def put_write(item: Values, condition: str = "", values: Values | None = None, names: Names = None) -> Write:
    return Write("Put", {"Item": to_attribute_values(item), **_condition(condition, values, names)})


def update_write(key: Key, expression: str, values: Values, condition: str = "", names: Names = None) -> Write:
    return Write("Update", _update(key, expression, values, condition, names))


def delete_write(key: Key, condition: str = "", values: Values | None = None, names: Names = None) -> Write:
    return Write("Delete", {"Key": to_attribute_values(key), **_condition(condition, values, names)})


def check_write(key: Key, condition: str, values: Values | None = None) -> Write:
    return Write("ConditionCheck", {"Key": to_attribute_values(key), **_condition(condition, values)})


def _condition(condition: str, values: Values | None = None, names: Names = None) -> Wire:
    body: Wire = {}
    if condition:
        body["ConditionExpression"] = condition
    if values:
        body["ExpressionAttributeValues"] = to_attribute_values(values)
    if names:
        body["ExpressionAttributeNames"] = dict(names)
    return body


def _update(key: Key, expression: str, values: Values, condition: str, names: Names) -> Wire:
    body: Wire = {"Key": to_attribute_values(key), "UpdateExpression": expression}
    return body | _condition(condition, values, names)
