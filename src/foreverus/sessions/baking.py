"""Bakes: a session whose disk becomes the image that later sessions start from. Its GPU is claimed, counted, watched
and terminated as any session's; nothing is served on it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.errors import AnotherSessionIsLive, SessionLost
from foreverus.sessions.records import Session, Trigger

logger = logging.getLogger(__name__)

OWNER = "bake"  # of a session that nobody asked for


class Starts(Protocol):
    """`SessionStarter`."""

    def start(
        self, owner: str, trigger: Trigger, *, allow_on_demand: bool = False, bake_token: str = ""
    ) -> tuple[Session, bool]: ...


class BakeSessions(Protocol):
    """`SessionStore`."""

    def live_session_ids(self) -> list[str]: ...
    def get(self, session_id: str) -> Session | None: ...
    def release_bake(self, session_id: str, now: datetime) -> None: ...


@dataclass(frozen=True)
class Bakes:
    starter: Starts
    sessions: BakeSessions
    clock: Callable[[], datetime]

    def start(self, task_token: str, allow_on_demand: bool = False) -> dict[str, str]:
        """`{session_id}`. The session's worker answers the token when its engine has answered; `BakesOver` fails it
        when the session ends before.

        Raises AnotherSessionIsLive: a bake serves nobody, so it waits for nobody's GPU and joins no other bake; and
        SpendCapReached at the month's cap, NotAccepted when the session could not be started.
        """
        session, started = self.starter.start(
            OWNER, Trigger.BAKE, allow_on_demand=allow_on_demand, bake_token=task_token
        )
        if not started:
            raise AnotherSessionIsLive(f"{session.session_id} is live. Bake when it has ended.")
        return {"session_id": session.session_id}

    def release(self) -> list[str]:
        """The ids of live sessions that were a bake's. Its execution FAILED, TIMED_OUT or was ABORTED, and one that was
        cut off has not let its GPU go. At most one bake runs at a time, so whichever is found is its."""
        released = []
        for session_id in self.sessions.live_session_ids():
            session = self.sessions.get(session_id)
            if session and session.trigger is Trigger.BAKE and not session.is_over:
                self.sessions.release_bake(session_id, self.clock())
                released.append(session_id)
        return released


@dataclass(frozen=True)
class BakesOver:
    tasks: Tasks

    def __call__(self, session: Session) -> None:
        """Tells the bake that waits for this session's GPU that it will not come. One that has had it, or has ended
        itself, refuses the word, and nothing comes of that. A call that fails is logged: the bake's wait is bounded."""
        if not session.bake_token:
            return
        cause = session.cause or f"Session {session.session_id} ended ({session.outcome}) before its GPU was ready."
        try:
            self.tasks.fail(session.bake_token, session.error or SessionLost.code(), cause)
        except TaskRefused:
            pass
        except Exception:
            logger.exception("the bake of %s waits until its own limit", session.session_id)
