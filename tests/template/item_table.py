"""Roles × kinds of items, as docs/security.md has it: what each role may do with each kind. Who adds a kind adds a row.

A row is `| `USER#<user id>` | what is in there | Api rpud, WebSocket r |`: a role's name without `Function` or `Role`,
and what it may: r read (or check, in a transaction), p put, u update, d delete.
"""

import functools
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from foreverus.aws import ability_keys, credential_keys, demand_keys, keys, person_keys, socket_keys
from tests.template import iam

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
SECTION = "## Roles and the items they may write"
TABLES = ("Table", "KeysTable")  # logical ids; the page has a table for each, in this order
ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
ANY = "x1"  # in place of an id
NUMBER = 77777  # in place of a number
LETTERS = {
    "r": ("GetItem", "BatchGetItem", "Query", "ConditionCheckItem"),
    "p": ("PutItem", "BatchWriteItem"),
    "u": ("UpdateItem",),
    "d": ("DeleteItem", "BatchWriteItem"),
}


@dataclass(frozen=True)
class Kind:
    table: str
    partition: str  # `USER#<user id>`

    @property
    def example(self) -> str:
        """The key of one such partition."""
        return re.sub(r"<[^>]+>", ANY, self.partition)


@functools.cache
def written() -> dict[Kind, dict[str, str]]:
    """Kind → role (its logical id in the template) → letters, as the page says."""
    section = PAGE.read_text(encoding="utf-8").split(SECTION)[1].split("\n## ")[0]
    found: dict[Kind, dict[str, str]] = {}
    for table, text in zip(TABLES, section.split("**The table of API keys**"), strict=True):
        for partition, _, cell in ROW.findall(text):
            found[Kind(table, partition)] = dict(entry(one) for one in cell.split(", "))
    return found


def entry(words: str) -> tuple[str, str]:
    """
    >>> entry("CloseSession ru")
    ('CloseSessionFunction', 'ru')
    """
    name, letters = words.split(" ")
    (role,) = {f"{name}Function", f"{name}Role"} & set(iam.roles())
    return role, letters


def allowed(role: str, kind: Kind) -> str:
    """The letters that the template's policies give."""
    arn = iam.deployed()[f"{kind.table}.Arn"]
    return "".join(
        letter
        for letter, actions in LETTERS.items()
        if any(iam.allows(role, f"dynamodb:{action}", arn, [kind.example]) for action in actions)
    )


def roles() -> list[str]:
    return list(iam.roles())


def spelled() -> set[Kind]:
    """Every partition that `aws/keys.py` and its like spell, ids and other words left open: `UNTOLD#<kind>`."""
    return {
        Kind(
            table,
            re.sub(r"[0-9a-f]{64}", "<digest>", _partition(function)),
        )
        for table, module in (
            ("Table", keys),
            ("Table", socket_keys),
            ("Table", person_keys),
            ("Table", demand_keys),
            ("Table", ability_keys),
            ("KeysTable", credential_keys),
        )
        for name, function in vars(module).items()
        if name.endswith(("_key", "_partition")) and inspect.isfunction(function)
    }


def _partition(function: "functools.partial[keys.Key | str]") -> str:
    signature = inspect.signature(function)
    given = [NUMBER if one.annotation is int else f"<{name}>" for name, one in signature.parameters.items()]
    made = function(*given)
    return (made if isinstance(made, str) else made["pk"]).replace(str(NUMBER), "<number>")


def fits(kind: Kind, spelled: Kind) -> bool:
    """Whether a row is of that key: `UNTOLD#SESSIONS` is of `UNTOLD#<kind>`."""
    pattern = "[^<>]+".join(re.escape(part) for part in re.split(r"<[^>]+>", spelled.partition))
    return kind.table == spelled.table and re.fullmatch(pattern, re.sub(r"<[^>]+>", ANY, kind.partition)) is not None
