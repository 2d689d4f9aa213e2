"""What an answer says of the documents that it was made from: numbers and places, and nothing of what they say. Pure.

A deleted document's text and name are nowhere in an answer's record: its source stays as an id of something that is not
there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class WhyNone(StrEnum):
    """Why no passage was found."""

    NOTHING = "nothing_found"
    WAKING = "database_waking"
    UNAVAILABLE = "database_unavailable"
    NOT_EMBEDDED = "embedding_unavailable"


_WHY = {why.value: why for why in WhyNone}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A passage that stood in a prompt under a number. `start`, `end`: characters of the document's text; `page`: 0
    where it has none."""

    number: int
    document_id: str
    page: int = 0
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Sources:
    """Somebody looked for passages. `why`: there are none."""

    found: tuple[Source, ...] = ()
    why: WhyNone | None = None


def sources_to_item(sources: Sources) -> dict[str, object]:
    """As the table holds them and as the API shows them.

    >>> sources_from_item(sources_to_item(Sources(why=WhyNone.WAKING)))
    Sources(found=(), why=<WhyNone.WAKING: 'database_waking'>)
    """
    return {"found": [asdict(one) for one in sources.found], "why": sources.why and sources.why.value}


def sources_from_item(kept: Mapping[str, Any] | None) -> Sources | None:
    """None: nobody looked."""
    if kept is None:
        return None
    found = (
        Source(
            number=int(one["number"]),
            document_id=str(one["document_id"]),
            page=int(one.get("page", 0)),
            start=int(one.get("start", 0)),
            end=int(one.get("end", 0)),
        )
        for one in kept.get("found") or ()
    )
    return Sources(tuple(found), _WHY.get(kept.get("why") or ""))
