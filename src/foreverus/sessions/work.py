"""What is in work or waits while a session is live: whose it is in counts, never what it says.

All live sessions serve the same queues, so the work is that of all of them together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from foreverus.api.requests import Person
from foreverus.api.responses import Body
from foreverus.files.records import SCHEDULE_USER
from foreverus.sessions.pending import PendingBatch, PendingMessage


class Whose(StrEnum):
    """As the one who asks sees it. Names are not told: the team's page shows nobody's address to anybody."""

    YOU = "you"
    SOMEBODY_ELSE = "somebody_else"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class LinesOfBatch:
    """Counts of a batch's lines."""

    total: int
    left: int


class Waiting(Protocol):
    """The part of `sessions.pending.PendingWork` that is read here."""

    def messages(self) -> Sequence[PendingMessage]: ...
    def batches(self) -> Sequence[PendingBatch]: ...


@dataclass(frozen=True)
class SessionWork:
    """`lines_of` takes a batch's owner and its id; None: it is over. `live`: the sessions that hold a GPU slot."""

    waiting: Waiting
    lines_of: Callable[[str, str], LinesOfBatch | None]
    live: Callable[[], list[str]]

    def show(self, session_id: str, who: Person, everything: bool = False) -> Body:
        """What would come of it, or comes of it, when this person ends the session. `everything`: with all of it.

        Of somebody else's batch the id is for admins alone, who may cancel it."""
        messages = self.waiting.messages()
        own = sum(one.user_id == who.user_id for one in messages)
        batches = [self._batch(one, who, everything) for one in self.waiting.batches()]
        return {
            "object": "session.work",
            "session_id": session_id,
            "other_sessions": len([one for one in self.live() if one != session_id]),
            "messages": {"yours": own, "of_others": len(messages) - own},
            "batches": [one for one in batches if one],
        }

    def _batch(self, waiting: PendingBatch, who: Person, everything: bool) -> Body | None:
        lines = self.lines_of(waiting.user_id, waiting.batch_id)
        if lines is None:
            return None
        owner = whose(waiting, who.user_id)
        known = who.is_admin or owner is not Whose.SOMEBODY_ELSE
        return {
            "id": waiting.batch_id if known else None,
            "owner": owner.value,
            "lines": lines.total,
            "lines_left": lines.left,
            "goes_on": not everything and owner is not Whose.YOU,
        }


def whose(batch: PendingBatch, user_id: str) -> Whose:
    """
    >>> whose(PendingBatch(batch_id="batch_1", user_id="ana", created_at=""), "bia").value
    'somebody_else'
    """
    if batch.user_id == user_id:
        return Whose.YOU
    return Whose.SCHEDULE if batch.user_id == SCHEDULE_USER else Whose.SOMEBODY_ELSE
