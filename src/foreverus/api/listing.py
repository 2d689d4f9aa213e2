"""Lists as OpenAI's API gives them out, a part at a time: `limit`, `after`, `has_more`. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.errors import InvalidRequest
from foreverus.text import quoted

T = TypeVar("T")

DEFAULT_LIMIT = 20
# Lambda takes at most 6 MB for an answer, in which the body stands as a text: JSON within JSON.
MAX_LIST_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A part of a list, and whether there is more behind it."""

    records: list[T]
    has_more: bool

    def body(self, show: Callable[[T], Body]) -> Body:
        """So many of them as fit one answer."""
        shown = fitting(map(show, self.records), len(self.records))
        return {"object": "list", "data": shown.records, "has_more": self.has_more or shown.has_more}

    def openai_body(self, show: Callable[[T], Body]) -> Body:
        """With the ids that OpenAI's clients page by."""
        body = self.body(show)
        ids = [one["id"] for one in body["data"]] or [None]  # type: ignore[attr-defined]
        return {
            "object": "list",
            "data": body["data"],
            "first_id": ids[0],
            "last_id": ids[-1],
            "has_more": body["has_more"],
        }


def answer_bytes(shown: Body) -> int:
    """The most that an object takes of an answer, whichever way its characters are escaped on their way.

    >>> answer_bytes({"content": "\n"}) - answer_bytes({"content": ""})
    3
    """
    return len(json.dumps(json.dumps(shown))) + 2


def fitting(shown: Iterable[Body], limit: int) -> Listing[Body]:
    """So many from the beginning as are asked for and fit one answer; at least one, where there is one."""
    taken: list[Body] = []
    size = 0
    for one in shown:
        size += answer_bytes(one)
        if len(taken) == limit or (taken and size > MAX_LIST_BYTES):
            return Listing(taken, has_more=True)
        taken.append(one)
    return Listing(taken, has_more=False)


def read_listing(fetch: Callable[[int, str], list[T]], query: dict[str, str], prefix: str) -> Listing[T]:
    """What a request's query asks for. `fetch(limit, after)` is asked for one more than is shown, to know whether there
    are more. `prefix`: of the ids that the list pages by. Raises InvalidRequest."""
    schemas.check("list_query", query)
    check_cursor(query, prefix)
    limit = int(query.get("limit", DEFAULT_LIMIT))
    found = fetch(limit + 1, query.get("after", ""))
    return Listing(found[:limit], len(found) > limit)


def check_cursor(query: dict[str, str], prefix: str) -> None:
    """Raises InvalidRequest for an `after` that no page of this list has named. An id that was deleted meanwhile still
    marks its place: a list that is read while others delete from it goes on."""
    after = query.get("after")
    # The files that a batch makes have its digits and a word: see batches/finishing.py, file_ids.
    words = "(?:output|error)?" if prefix == "file" else ""
    if after is not None and not re.fullmatch(rf"{prefix}_[0-9a-f]{{28}}{words}", after):
        message = f"There is no {quoted(after)} in this list: 'after' must be the id of an earlier page's last entry."
        raise InvalidRequest(message, param="after", code="invalid_field")
