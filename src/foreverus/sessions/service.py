"""What people do with sessions: start or join, look, end. A team shares its GPU, so everyone sees every session."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foreverus.api import schemas
from foreverus.api.listing import read_listing
from foreverus.api.requests import NOT_REPEATED, Person, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws.dynamo import ConditionFailed
from foreverus.errors import NotAllowed, NotFound
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.sessions.boots import learned_boots
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from foreverus.sessions.views import public_session
from foreverus.sessions.work import SessionWork
from foreverus.text import quoted

BOOTS_TO_LEARN_FROM = 40  # "later than 95 % of boots" needs twenty


@dataclass(frozen=True)
class SessionService:
    store: SessionStore
    starter: SessionStarter
    once: Once
    in_work: SessionWork

    def start(
        self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt = NOT_REPEATED
    ) -> tuple[Body, bool]:
        """(the session to show, whether it is a new one). What an earlier try of the same request has started is shown,
        although it may be over by now: nobody asked for two. Raises Conflict, and what `SessionStarter.start` does."""
        asked = CreateRequest(user_id, "sessions", fingerprint(request), attempt)
        with self.once(asked, "ses") as claim:
            earlier = None if claim.is_first else self.store.get(claim.id)
            if earlier:
                return self.show(earlier), False
            session, started = self.starter.start(user_id, Trigger.PAGE, session_id=claim.id, **request)
        return self.show(session), started

    def list_sessions(self, query: dict[str, str]) -> Body:
        return read_listing(self.store.newest, query, "ses").body(public_session)

    def get(self, session_id: str) -> Body:
        return self.show(self._get(session_id))

    def work(self, who: Person, session_id: str) -> Body:
        """What is in work, and what comes of it when they end the session."""
        session = self._get(session_id)
        return self.in_work.show(session_id, who, session.end_everything)

    def end(self, who: Person, session_id: str, query: Mapping[str, str]) -> Body:
        """Asks the session to end; shows it with what is in work. Asking again, or asking an ended session, changes
        nothing, but that an admin may still end everything with it. Raises NotAllowed."""
        schemas.check("session_end_query", dict(query))
        everything = query.get("work") == "cancel"
        if everything and not who.is_admin:
            message = "Only an admin ends other people's batches with a GPU. Leave 'work' out: they go on elsewhere."
            raise NotAllowed(message, param="work", code="admins_only")
        session = self._get(session_id)
        if not session.is_over and (not session.end_requested or (everything and not session.end_everything)):
            try:
                session = self.store.request_end(session_id, self.starter.clock(), who.user_id, everything)
            except ConditionFailed as err:
                raise _no_session(session_id) from err
        if session.is_over:
            return self.show(session)
        work = self.in_work.show(session_id, who, session.end_everything)
        return {**self.show(session), "work": work}

    def show(self, session: Session) -> Body:
        """With the boot time to expect, while it is not healthy yet."""
        if session.healthy_at or session.is_over:
            return public_session(session)
        return public_session(session, learned_boots(self.store.newest(BOOTS_TO_LEARN_FROM)))

    def _get(self, session_id: str) -> Session:
        session = self.store.get(session_id)
        if not session:
            raise _no_session(session_id)
        return session


def _no_session(session_id: str) -> NotFound:
    return NotFound(f"There is no session {quoted(session_id)}.", param="session_id", code="session_not_found")
