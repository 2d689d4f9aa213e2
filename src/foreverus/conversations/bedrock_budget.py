"""What a session may still spend on Bedrock, and what its answers cost there.

The session has no GPU, so it lets go of what it had reserved for one, and each call reserves for itself. What a call
has cost becomes a part of the session's reservation, as it is a part of its account: its closing settles both.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.backends.port import BackendName, Completion, Prompt
from foreverus.conversations.records import (
    BedrockCharge,
)
from foreverus.costs.allowance import Allowance
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of, spent_usd
from foreverus.costs.money import at_most, exact
from foreverus.costs.paid_backend import most_usd
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse import Purse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.sessions.records import Session
from foreverus.sessions.reserving import beside_usd

CALL_S = 660  # of AnswerChatsFunction and a try after it: whoever made the call is dead then


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...


@dataclass(frozen=True, kw_only=True)
class BedrockBudget:
    sessions: Sessions
    purse: Purse
    price: TokenPrice
    session_cap_usd: float
    region: str
    clock: Callable[[], datetime]

    def allowance(self, session: Session) -> Allowance:
        """What is left of the session's own cap; from here on it reserves no more than it has spent. The month's cap is
        looked at before each call."""
        gpus = spent_usd(session.launches, self.clock(), self.region)
        self.purse.shrink(month_of(session.created_at), session.session_id, gpus + beside_usd(session))
        cap = session.session_cap_usd or self.session_cap_usd
        return Allowance(cap - gpus - session.bedrock.usd)

    def most_usd(self, prompt: Prompt, context_tokens: int) -> float:
        """A bound of what a call may cost."""
        return most_usd(prompt, self.price, context_tokens)

    def reserve(self, session: Session, message_id: str, usd: float) -> None:
        """For one call. Raises SpendCapReached."""
        now = self.clock()
        month, name = month_of(session.created_at), call_name(session.session_id, message_id)
        since, until = ids.timestamp(now), ids.timestamp(now + timedelta(seconds=CALL_S))
        self.purse.reserve(Reservation(month, name, Owner.CHAT, at_most(usd), since, until))

    def release(self, session: Session, message_ids: Iterable[str]) -> None:
        """Of calls that cost nothing, or are counted."""
        for message_id in message_ids:
            self.purse.release(month_of(session.created_at), call_name(session.session_id, message_id))

    def keep(self, session: Session, message_id: str, charge: BedrockCharge) -> bool:
        """The session has the charge on its account. False: it is closed, see `count_what_came_late`."""
        name = call_name(session.session_id, message_id)
        return self.purse.hand_over(month_of(session.created_at), name, session.session_id, charge.usd)

    def charge(self, whole: Completion) -> BedrockCharge:
        tokens = whole.prompt_tokens, whole.completion_tokens
        return BedrockCharge(*tokens, self.price.guard_usd(*tokens), self.price.usd(*tokens) is not None)

    def count_what_came_late(self, session_id: str) -> None:
        """The session's closing counts what Bedrock took. Where somebody else has closed it meanwhile, that was
        without the last answers."""
        session = self.sessions.get(session_id)
        late = session.bedrock.usd - session.bedrock.counted_usd if session else 0.0
        if session and session.is_over and late > 0:
            entry = f"{session_id}/{BackendName.BEDROCK}"
            cost = CountedCost(exact(late), ids.timestamp(self.clock()), session.bedrock.price_unknown)
            self.purse.settle(month_of(session.created_at), entry, cost)


def call_name(session_id: str, message_id: str) -> str:
    return f"{session_id}/{message_id}"
