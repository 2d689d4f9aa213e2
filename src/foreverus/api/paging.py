"""Lists as OpenAI's API pages them: `limit`, `after`, `has_more`. Pure."""

from collections.abc import Callable
from typing import Any, TypeVar

from foreverus.api import schemas

Item = dict[str, Any]

DEFAULT_LIMIT = 20

Record = TypeVar("Record")


def page(fetch: Callable[[int, str], list[Record]], show: Callable[[Record], Item], query: dict[str, str]) -> Item:
    """One page: `fetch(limit, after)` is asked for one more than is shown, to know whether there are more."""
    schemas.check("page_query", query)
    limit = int(query.get("limit", DEFAULT_LIMIT))
    found = fetch(limit + 1, query.get("after", ""))
    return {"object": "list", "data": [show(one) for one in found[:limit]], "has_more": len(found) > limit}


def listing(shown: list[Item], has_more: bool) -> Item:
    """OpenAI's list."""
    ids = [one["id"] for one in shown] or [None]
    return {"object": "list", "data": shown, "first_id": ids[0], "last_id": ids[-1], "has_more": has_more}
