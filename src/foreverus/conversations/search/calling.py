"""Has a function of its own search what was said: the API has no login to PostgreSQL."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from foreverus.conversations.search.records import MessageFound, TextsFound, WhyTitlesAlone

logger = logging.getLogger(__name__)


class AskedFunction(Protocol):
    def ask(self, event: Mapping[str, object]) -> bytes:
        """What it returns, as JSON. Raises whatever kept it from that."""


@dataclass(frozen=True)
class SearchFunction:
    """Twin of `NoTexts`."""

    function: AskedFunction

    def search(self, user_id: str, words: str, before: str, most: int) -> TextsFound:
        try:
            asked = {"user_id": user_id, "words": words, "before": before, "most": most}
            return texts_found(json.loads(self.function.ask(asked)))
        except Exception:  # titles are searched all the same
            logger.warning("what was said could not be searched", exc_info=True)
            return TextsFound(why=WhyTitlesAlone.UNAVAILABLE)


def texts_found(told: Mapping[str, Any]) -> TextsFound:
    """What `search_messages` has returned. Raises KeyError, TypeError or ValueError where it is none."""
    return TextsFound(
        tuple(MessageFound(str(one["conversation_id"]), str(one["message_id"])) for one in told["hits"]),
        tuple(str(one) for one in told["stems"]),
        WhyTitlesAlone(told["why"]) if told["why"] else None,
    )
