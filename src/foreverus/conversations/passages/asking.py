"""Who answers a question has its passages found by a function of its own: it names the message, and nobody's documents.

It waits a few seconds at most. An answer does without passages rather than come late or not at all.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from foreverus.aws.dynamo import Table
from foreverus.conversations.records import MessageRef
from foreverus.documents.records import Passage, PassagesFound
from foreverus.documents.sources import WhyNone
from foreverus.documents.store import has_ready

log = logging.getLogger(__name__)


class AskedFunction(Protocol):
    def ask(self, event: Mapping[str, object]) -> bytes:
        """What it returns, as JSON. Raises whatever kept it from that."""


@dataclass(frozen=True)
class DocumentPassages:
    """`items`: where it is known who has documents."""

    items: Table
    function: AskedFunction

    def any_of(self, user_id: str) -> bool:
        return has_ready(self.items, user_id)

    def find(self, message: MessageRef) -> PassagesFound:
        """For the message's question. Raises nothing."""
        try:
            asked = {"conversation_id": message.conversation_id, "message_id": message.message_id}
            return passages_found(json.loads(self.function.ask(asked)))
        except Exception:  # the answer is begun without
            log.warning("no passages were looked for: %s", message.message_id, exc_info=True)
            return PassagesFound(why=WhyNone.UNAVAILABLE)


def passages_found(told: Mapping[str, Any]) -> PassagesFound:
    """What `find_sources` has returned. Raises KeyError, TypeError or ValueError where it is none."""
    passages = tuple(Passage(**one) for one in told["passages"])
    names = tuple(str(name) for name in told["names"])
    if len(passages) != len(names):
        raise ValueError(f"{len(passages)} passages and {len(names)} names")
    return PassagesFound(passages, names, WhyNone(told["why"]) if told["why"] else None)
