"""What was asked of AWS, by whom and how it went. Pure: the emulator tells it of each call.

Items of the table are counted by their kind: what stands before the ids in their keys.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]

WAITING = ("PENDING", "PENDING#BEDROCK")  # partitions of what waits for its answer
_WRITES = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


def pk_kind(pk: str) -> str:
    """
    >>> pk_kind("CONVERSATION#conv_1"), pk_kind("PENDING#BEDROCK")
    ('CONVERSATION', 'PENDING#BEDROCK')
    """
    return pk if pk in WAITING else pk.partition("#")[0]


def kind(key: Key) -> str:
    """
    >>> kind(("PURSE#2026-11", "TOTAL")), kind(("PENDING", "msg_1"))
    ('PURSE TOTAL', 'PENDING')
    """
    begins = key[1].partition("#")[0]
    return f"{pk_kind(key[0])} {begins}" if begins.isupper() and begins.replace("_", "").isalpha() else pk_kind(key[0])


def writes_of(operation: str, asked: dict[str, Any]) -> list[tuple[str, Key, int]]:
    """What a call of DynamoDB writes: how (`Put`, `Update`, `Delete`, `ConditionCheck`), where, and bytes as JSON."""
    if operation == "TransactWriteItems":
        writes = [(how, body) for one in asked.get("TransactItems", []) for how, body in one.items()]
    elif operation in _WRITES:
        writes = [(_WRITES[operation], asked)]
    elif operation == "BatchWriteItem":
        requests = [one for many in asked.get("RequestItems", {}).values() for one in many]
        writes = [(how.removesuffix("Request"), body) for one in requests for how, body in one.items()]
    else:
        writes = []
    return [(how, _key(body.get("Item") or body.get("Key", {})), _size(body)) for how, body in writes]


def _key(item: dict[str, Any]) -> Key:
    return item.get("pk", {}).get("S", ""), item.get("sk", {}).get("S", "")


def _size(body: dict[str, Any]) -> int:
    return len(json.dumps(body.get("Item") or body.get("ExpressionAttributeValues") or {}, ensure_ascii=False).encode())


def reads_of(operation: str, asked: dict[str, Any]) -> str:
    """The kind of partition that is read, empty of what reads none."""
    if operation == "GetItem":
        return pk_kind(_key(asked.get("Key", {}))[0])
    if operation == "Query":
        return pk_kind(asked.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S", ""))
    return ""


@dataclass
class Book:
    """`calls`: by caller, operation and outcome (`ok`, else the error's code). `conflicts`: by the kind of the item.
    `peaks`: the most at once, of functions that run and of what waits."""

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    conflicts: Counter[str] = field(default_factory=Counter)
    read_bytes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    written_bytes: Counter[str] = field(default_factory=Counter)
    invoked: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, set[str]] = field(default_factory=lambda: {pk: set() for pk in WAITING})

    def called(self, caller: str, operation: str, outcome: str) -> None:
        self.calls[caller, operation, outcome] += 1

    def wrote(self, writes: list[tuple[str, Key, int]]) -> None:
        for how, key, size in writes:
            if how == "ConditionCheck":
                continue
            self.written[kind(key)] += 1
            self.written_bytes[kind(key)] += size
            if key[0] in WAITING and how != "Update":
                here = self.waiting[key[0]]
                (here.add if how == "Put" else here.discard)(key[1])
                self._peak(key[0], len(here))

    def read(self, what: str, size: int) -> None:
        self.reads[what] += 1
        self.read_bytes[what] += size

    def begins(self, function: str) -> None:
        self.invoked[function] += 1
        self.running[function] += 1
        self._peak(function, self.running[function])
        self._peak("functions", self.running.total())

    def ends(self, function: str) -> None:
        self.running[function] -= 1

    def forget(self) -> None:
        """What is open stays open."""
        counters = (self.calls, self.conflicts, self.read_bytes, self.reads, self.written, self.written_bytes)
        for one in (*counters, self.invoked, self.peaks):
            one.clear()

    def report(self) -> dict[str, Any]:
        return {
            "calls": [[*call, count] for call, count in sorted(self.calls.items())],
            "conflicts": dict(self.conflicts),
            "read_bytes": dict(self.read_bytes),
            "reads": dict(self.reads),
            "written": dict(self.written),
            "written_bytes": dict(self.written_bytes),
            "invoked": dict(self.invoked),
            "peaks": dict(self.peaks),
        }

    def _peak(self, what: str, count: int) -> None:
        self.peaks[what] = max(self.peaks[what], count)
