"""No GPU could be had for a session: what waits for one in chats goes to Bedrock, where each message is answered as any
other there.

Left alone, and ended in the launch's error when its session is closed, is what may not go there: it asks for a GPU, it
came from Bedrock, a person has switched the GPU off, or the session's cap was reached.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.api.responses import Body
from foreverus.attempts import Attempts
from foreverus.conversations.bedrock.answering import AnsweringFunction, event_of
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.records import MessageRef
from foreverus.costs.meter import month_of, spent_usd
from foreverus.errors import ForeverUsError
from foreverus.sessions.pending import PendingMessage, PendingWork
from foreverus.sessions.records import Session
from foreverus.sessions.reserving import ALL_USED_UP, beside_usd

log = logging.getLogger(__name__)


class NotHandedOver(ForeverUsError):
    """Names what could not be moved or called for; all else was. It can be tried again."""


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def others(self, session_id: str) -> list[Session]: ...


@dataclass(frozen=True, kw_only=True)
class ChatsToBedrock:
    pending: PendingWork
    ends: MessageEnds
    sessions: Sessions
    function: AnsweringFunction
    region: str
    clock: Callable[[], datetime]

    def run(self, session_id: str) -> Body:
        """Returns `{session_id, moved, left}` (messages). Safe to run twice. Nothing is moved beside another session
        with a GPU: its worker has these messages in hand. Raises NotHandedOver."""
        session = self.sessions.get(session_id)
        if session is None or session.is_over or any(one.instance_id for one in self.sessions.others(session_id)):
            return {"session_id": session_id, "moved": 0, "left": 0}
        self._let_go(session)
        waiting = self.pending.messages()
        stays = {one.conversation_id for one in waiting if _why_not(session, one)}  # none overtakes another
        attempts, moved, called = Attempts(), 0, set[str]()
        for one in waiting:
            if one.conversation_id not in stays:
                with attempts.at(one.message_id):
                    moved += self.ends.move(one, CallAccount.of(MessageRef.of(one), self.clock()))
        for one in self.pending.on_bedrock():  # also what an earlier try has moved and not called for
            if one.conversation_id not in called:
                called.add(one.conversation_id)
                with attempts.at(one.conversation_id):
                    self.function.call(event_of(one))
        attempts.raise_any(NotHandedOver)
        return {"session_id": session_id, "moved": moved, "left": len(waiting) - moved}

    def _let_go(self, session: Session) -> None:
        """The session buys no GPU any more: what it had reserved for one is free for the answers."""
        gpus = spent_usd(session.launches, self.clock(), self.region)
        self.ends.purse.shrink(month_of(session.created_at), session.session_id, gpus + beside_usd(session))


def _why_not(session: Session, message: PendingMessage) -> str:
    """Why a message stays; empty: it moves."""
    if not message.may_move:
        return "it asks for a GPU, or Bedrock has not answered it"
    if message.created_at <= session.end_requested_at:
        return "off means off: it was accepted before the GPU was switched off"
    return "a cap is a cap" if session.spend_notice == ALL_USED_UP else ""
