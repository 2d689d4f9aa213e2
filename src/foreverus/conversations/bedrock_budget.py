"""What a session may still spend on Bedrock, and what its answers cost there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.backends.port import BackendName, Completion, Prompt
from foreverus.conversations.prompt import most_tokens
from foreverus.conversations.records import (
    BedrockCharge,
)
from foreverus.costs.allowance import Allowance
from foreverus.costs.ledger import Ledger
from foreverus.costs.meter import Caps, month_of, spent_usd
from foreverus.costs.prices import TokenPrice
from foreverus.sessions.records import Session


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def live_session_ids(self) -> list[str]: ...


@dataclass(frozen=True, kw_only=True)
class BedrockBudget:
    sessions: Sessions
    ledger: Ledger
    price: TokenPrice
    caps: Caps
    region: str
    clock: Callable[[], datetime]

    def allowance(self, session: Session) -> Allowance:
        """What is left of both caps, whichever is nearer to its end; other live sessions count with what they have
        spent."""
        ids = {session.session_id, *self.sessions.live_session_ids()}
        live = {one: self._spent_usd(self.sessions.get(one)) for one in ids}
        month = self.ledger.spent(month_of(session.created_at)) + sum(live.values())
        return Allowance(min(self.caps.monthly_usd - month, self.caps.session_usd - live[session.session_id]))

    def most_usd(self, prompt: Prompt, context_tokens: int) -> float:
        """A bound of what a call may cost."""
        return self.price.guard_usd(most_tokens(prompt), prompt.limit or context_tokens)

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
            self.ledger.count(month_of(session.created_at), entry, late, self.clock())

    def _spent_usd(self, session: Session | None) -> float:
        return spent_usd(session.launches, self.clock(), self.region) + session.bedrock.usd if session else 0.0
