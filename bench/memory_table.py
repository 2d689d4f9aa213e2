"""A DynamoDB table in memory for measurements of growth, below boto3: what boto3 and we do with its answers is real.

It reads as DynamoDB does: a query costs what it returns and not what the partition holds, and a page ends at 1 MB. moto
and the emulator look at every item of a partition, so with them the table would be measured and not our code.
"""

import json
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from foreverus.aws.attribute_values import to_attribute_values

PAGE_BYTES = 1 << 20
END = "\U0010ffff"  # after every sort key


@dataclass
class Partition:
    """Items in the order of their sort keys, as the JSON that DynamoDB sends."""

    keys: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


class MemoryTable:
    """`cpu_s`: what its own answers took, to be left out. `read_bytes`: what was sent."""

    def __init__(self) -> None:
        self.partitions: dict[str, Partition] = {}
        self.cpu_s = 0.0
        self.requests = 0
        self.read_bytes = 0

    def put(self, item: Mapping[str, Any]) -> None:
        partition = self.partitions.setdefault(item["pk"], Partition())
        place = bisect_left(partition.keys, item["sk"])
        partition.keys.insert(place, item["sk"])
        partition.items.insert(place, json.dumps(to_attribute_values(item)))

    def answer(self, request: AWSPreparedRequest, **_: Any) -> Any:
        """botocore's `before-send`: what is returned here is not sent for."""
        begun = time.process_time()
        target, asked = request.headers["X-Amz-Target"], request.body
        assert isinstance(target, bytes) and isinstance(asked, bytes)
        body = {"GetItem": self._get, "Query": self._query}[target.decode().rpartition(".")[2]](json.loads(asked))
        self.requests += 1
        self.read_bytes += len(body)
        headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.0"})
        response = AWSResponse(request.url, 200, headers, _Raw(body.encode()))
        self.cpu_s += time.process_time() - begun
        return response

    def _get(self, asked: dict[str, Any]) -> str:
        partition = self.partitions.get(asked["Key"]["pk"]["S"], Partition())
        sk = asked["Key"]["sk"]["S"]
        place = bisect_left(partition.keys, sk)
        is_there = place < len(partition.keys) and partition.keys[place] == sk
        return f'{{"Item": {partition.items[place]}}}' if is_there else "{}"

    def _query(self, asked: dict[str, Any]) -> str:
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        partition = self.partitions.get(values[":pk"], Partition())
        first, end = _range(partition.keys, asked["KeyConditionExpression"], values)
        step = 1 if asked.get("ScanIndexForward", True) else -1
        if "ExclusiveStartKey" in asked:
            start = bisect_left(partition.keys, asked["ExclusiveStartKey"]["sk"]["S"])
            first, end = (start + 1, end) if step == 1 else (first, start)
        places = range(first, end)[::step]
        limit, size = asked.get("Limit", len(places)), 0
        sent: list[str] = []
        for place in places:
            if len(sent) == limit or size > PAGE_BYTES:
                break
            sent.append(partition.items[place])
            size += len(sent[-1])
        more = ""
        if len(sent) < len(places):
            last = {"pk": {"S": values[":pk"]}, "sk": {"S": partition.keys[places[len(sent) - 1]]}}
            more = f', "LastEvaluatedKey": {json.dumps(last)}'
        return f'{{"Count": {len(sent)}, "Items": [{", ".join(sent)}]{more}}}'


def _range(keys: list[str], condition: str, values: Mapping[str, str]) -> tuple[int, int]:
    """The places of a partition's items that meet a key condition of `aws/dynamo.py`."""
    on_sort_key = condition.removeprefix("pk = :pk").removeprefix(" AND ")
    if not on_sort_key:
        return 0, len(keys)
    sk = values[":sk"]
    if on_sort_key == "begins_with(sk, :sk)":
        return bisect_left(keys, sk), bisect_right(keys, sk + END)
    if on_sort_key == "sk < :sk":
        return 0, bisect_left(keys, sk)
    if on_sort_key == "sk BETWEEN :sk AND :end":
        return bisect_left(keys, sk), bisect_right(keys, values[":end"])
    raise NotImplementedError(condition)


class _Raw:
    """What botocore reads a response's bytes from."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.body


@contextmanager
def tables(environment: Mapping[str, str], table: MemoryTable) -> Iterator[None]:
    """boto3's DynamoDB is that table, for clients that are made in the block; with this environment."""
    with patch.dict("os.environ", environment), patch.object(boto3, "DEFAULT_SESSION", boto3.Session()) as session:
        session.events.register("before-send.dynamodb", table.answer)
        yield
