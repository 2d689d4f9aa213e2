"""What the table holds when a crowd is through: each question with its one answer, the money right, nothing open."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from bench.scale.crowd import Talk
from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.attribute_values import from_attribute_values
from foreverus.aws.dynamo import Item
from foreverus.costs.meter import month_of
from local.cloud import Cloud
from local.counts.book import WAITING

OPEN = (*WAITING, "ANSWERING")  # partitions, or their first parts, in which nothing stays


def items(cloud: Cloud) -> list[Item]:
    """Every item of the table."""
    pages = cloud.emulator.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.stack["TableName"])
    return [from_attribute_values(one) for page in pages for one in page["Items"]]


def wrong(cloud: Cloud, talks: Sequence[Talk]) -> list[str]:
    """What is not as it has to be."""
    found = items(cloud)
    return [*_open(found), *_unanswered(found, talks), *_money(found)]


def _open(found: Sequence[Item]) -> Iterator[str]:
    now = datetime.now(UTC)
    for item in found:
        pk, sk = item["pk"], item["sk"]
        if (
            pk in WAITING
            or sk.startswith("RESERVED#")
            or (pk.startswith("ANSWERING#") and item["until"] > ids.timestamp(now))
        ):
            yield f"{pk} / {sk} is left"


def _unanswered(found: Sequence[Item], talks: Sequence[Talk]) -> Iterator[str]:
    """By the table's own keys: `MESSAGE#<id>#0` is the question, `#1` its answer."""
    accepted = {(one.conversation, message) for one in talks for message in one.accepted}
    kept: Counter[tuple[str, str, str]] = Counter()
    for item in found:
        if item["sk"].startswith("MESSAGE#"):
            _, message, part = item["sk"].split("#")
            is_final = part == "0" or item["status"] in ("answered", "failed")
            kept[item["pk"].removeprefix("CONVERSATION#"), message, part] += is_final
    for conversation, message in accepted:
        if (kept[conversation, message, "0"], kept[conversation, message, "1"]) != (1, 1):
            yield f"{message} has no final answer in the table"
    asked = {(conversation, message) for conversation, message, _ in kept}
    of_theirs = {one.conversation for one in talks}
    for conversation, message in asked - accepted:
        if conversation in of_theirs:
            yield f"{message} is in the table and was not accepted"


def _money(found: Sequence[Item]) -> Iterator[str]:
    """The month's number is what the answers cost, and what the ledger says: to the last digit."""
    month = month_of(ids.timestamp(datetime.now(UTC)))
    by_key = {(item["pk"], item["sk"]): item for item in found}

    def usd(key: keys.Key, name: str) -> Decimal:
        return Decimal(str(by_key.get((key["pk"], key["sk"]), {}).get(name, 0)))

    spent, committed = usd(keys.ledger_total_key(month), "spent_usd"), usd(keys.purse_total_key(month), "committed_usd")
    if abs(spent - committed) > Decimal("1e-12"):
        yield f"the ledger has {spent}, and {committed} is committed with nothing reserved"
    entries = sum(
        (Decimal(str(item["usd"])) for item in found if item["pk"] == f"LEDGER#{month}" and "usd" in item), Decimal()
    )
    if abs(entries - spent) > Decimal("1e-12"):
        yield f"the ledger's entries are {entries} together, and {spent} is its sum"
