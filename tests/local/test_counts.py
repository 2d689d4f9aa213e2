"""What the emulator counts for `bench scale_…`, and that an item in a transaction is nobody else's meanwhile."""

import asyncio
import json
from typing import Any

import pytest

from local.counts.book import Book, Key, kind, reads_of, writes_of
from local.counts.counted import Counted


def item(pk: str, sk: str, **more: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **more}.items()}


def transaction(*writes: tuple[str, str, str]) -> dict[str, Any]:
    bodies = [(how, item(pk, sk)) for how, pk, sk in writes]
    return {"TransactItems": [{how: {"Item" if how == "Put" else "Key": key}} for how, key in bodies]}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("PURSE#2026-11", "TOTAL"), "PURSE TOTAL"),
        (("PURSE#2026-11", "RESERVED#msg_1"), "PURSE RESERVED"),
        (("CONVERSATION#conv_1", "MESSAGE#msg_1#0"), "CONVERSATION MESSAGE"),
        (("PENDING#BEDROCK", "msg_1"), "PENDING#BEDROCK"),
        (("IDLE#CONVERSATIONS", "2026-11-30T00:00:00.000Z#conv_1"), "IDLE"),
    ],
)
def test_items_are_counted_by_kind_and_never_by_whose_they_are(key: Key, expected: str) -> None:
    assert kind(key) == expected


def test_every_way_to_write_is_seen() -> None:
    batch = {
        "RequestItems": {"t": [{"PutRequest": {"Item": item("A", "1")}}, {"DeleteRequest": {"Key": item("A", "2")}}]}
    }
    asked = {
        "PutItem": {"Item": item("A", "1")},
        "UpdateItem": {"Key": item("A", "1"), "ExpressionAttributeValues": {":n": {"N": "1"}}},
        "DeleteItem": {"Key": item("A", "1")},
        "BatchWriteItem": batch,
        "TransactWriteItems": transaction(("Put", "A", "1"), ("ConditionCheck", "B", "2")),
        "GetItem": {"Key": item("A", "1")},
    }
    seen = {name: [(how, key) for how, key, _ in writes_of(name, body)] for name, body in asked.items()}
    assert seen == {
        "PutItem": [("Put", ("A", "1"))],
        "UpdateItem": [("Update", ("A", "1"))],
        "DeleteItem": [("Delete", ("A", "1"))],
        "BatchWriteItem": [("Put", ("A", "1")), ("Delete", ("A", "2"))],
        "TransactWriteItems": [("Put", ("A", "1")), ("ConditionCheck", ("B", "2"))],
        "GetItem": [],
    }
    query = {"ExpressionAttributeValues": {":pk": {"S": "USER#u1"}}}
    assert [reads_of("Query", query), reads_of("GetItem", asked["GetItem"]), reads_of("PutItem", {})] == [
        "USER",
        "A",
        "",
    ]


def test_what_waits_at_once_is_kept_at_its_peak() -> None:
    book = Book()
    for how, message in (("Put", "a"), ("Put", "b"), ("Update", "b"), ("Delete", "a"), ("Put", "c"), ("Delete", "x")):
        book.wrote([(how, ("PENDING#BEDROCK", message), 1)])
    assert book.peaks["PENDING#BEDROCK"] == 2
    book.begins("Api"), book.begins("Api"), book.ends("Api"), book.begins("Sweep")
    assert (book.peaks["Api"], book.peaks["functions"], book.invoked["Api"]) == (2, 2, 2)
    book.forget()
    book.begins("Api")
    assert book.peaks["functions"] == 3, "what is open stays open"


class Emulator:
    """Answers each write when it is let."""

    def __init__(self) -> None:
        self.let, self.begun = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        await self.let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def asked(counted: Counted, operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await counted._dynamo("ApiFunction", operation, json.dumps(body).encode(), ({}, None, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_others_are_refused_an_item_while_a_transaction_has_it() -> None:
    async def run() -> None:
        counted = Counted(emulator := Emulator())
        counted.busy_s = 1e-6
        first = asyncio.create_task(
            asked(counted, "TransactWriteItems", transaction(("Put", "A", "1"), ("Put", "B", "1")))
        )
        await emulator.begun.wait()
        status, said = await asked(counted, "TransactWriteItems", transaction(("Put", "C", "1"), ("Update", "B", "1")))
        assert (status, said["__type"].rpartition("#")[2]) == (400, "TransactionCanceledException")
        assert [one["Code"] for one in said["CancellationReasons"]] == ["None", "TransactionConflict"]
        status, said = await asked(counted, "PutItem", {"Item": item("A", "1")})
        assert (status, said["__type"].rpartition("#")[2]) == (400, "TransactionConflictException")
        emulator.let.set()
        assert (await asked(counted, "PutItem", {"Item": item("A", "2")}))[0] == 200, "another item"
        assert (await first)[0] == 200
        assert (await asked(counted, "PutItem", {"Item": item("A", "1")}))[0] == 200, "it is free again"
        book = counted.book.report()
        assert book["conflicts"] == {"A": 1, "B": 1}
        assert ["ApiFunction", "TransactWriteItems", "TransactionConflict", 1] in book["calls"]
        assert ["ApiFunction", "PutItem", "ok", 2] in book["calls"]

    asyncio.run(run())


def test_without_a_time_nothing_is_refused() -> None:
    """As the emulator is."""

    async def run() -> None:
        counted = Counted(emulator := Emulator())
        first = asyncio.create_task(asked(counted, "TransactWriteItems", transaction(("Put", "A", "1"))))
        await emulator.begun.wait()
        second = asyncio.create_task(asked(counted, "PutItem", {"Item": item("A", "1")}))
        emulator.let.set()
        assert [(await one)[0] for one in (first, second)] == [200, 200]

    asyncio.run(run())
