"""What comes in over a WebSocket, and the frame that goes back."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.access.looks import Look
from foreverus.access.records import Caller
from foreverus.api import schemas
from foreverus.api.responses import Body
from foreverus.conversations.store import ConversationStore
from foreverus.errors import InvalidRequest, NotAccepted, NotFound, RequestRejected
from foreverus.limits.person import PersonLimits, counted
from foreverus.live.connections import LIFETIME, ConnectionStore
from foreverus.live.records import Action, ClientFrame, Connection, CredentialEnded, Topic, TopicKind
from foreverus.sessions.store import SessionStore
from foreverus.text import quoted

logger = logging.getLogger(__name__)

ACCEPTING_TAKES = timedelta(seconds=30)  # what `$connect`'s integration may take at most is 29
# Pings that come faster have nothing looked at. The page sends one every 40 s, and a look counts for 50.
LOOK_EVERY_S = 15


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame that answers one. `closes`: the connection is to be closed after it."""

    frame: Body
    closes: bool = False


@dataclass(frozen=True)
class Frames:
    connections: ConnectionStore
    conversations: ConversationStore
    sessions: SessionStore
    look: Look
    clock: Callable[[], datetime]
    limits: PersonLimits
    is_open: Callable[[str], bool]  # what API Gateway says of a connection that it has accepted

    def opened(self, connection_id: str, caller: Caller) -> None:
        """Raises LimitReached: API Gateway refuses the connection then."""
        now = self.clock()
        counted(
            lambda: self.limits.socket(caller.user_id, connection_id, now + LIFETIME, self._open_of),
            lambda place: self.connections.open(connection_id, caller, now, place),
        )

    def _open_of(self, connection_ids: Collection[str]) -> list[str]:
        """Those that are open. A `$disconnect` may be lost, so API Gateway is asked; but not of one that it is just
        accepting, which it does not know yet."""
        now, found = self.clock(), []
        for one in filter(None, map(self.connections.get, connection_ids)):
            is_new = one.connected_at > ids.timestamp(now - ACCEPTING_TAKES)
            if one.expires_at > now.timestamp() and (is_new or self.is_open(one.connection_id)):
                found.append(one.connection_id)
        return found

    def closed(self, connection_id: str) -> None:
        self.connections.close(connection_id)

    def received(self, connection_id: str, body: str) -> Reply:
        """The frame that answers `body`; an error frame for anything that is wrong with it."""
        try:
            frame = read_frame(body)
            connection = self.connections.get(connection_id)
            if not connection:
                raise CredentialEnded("This connection has expired. Connect again.")
            return Reply(self._answer(frame, connection))
        except CredentialEnded as err:
            self.connections.close(connection_id)
            return Reply({"type": "error", **err.body()}, closes=True)
        except RequestRejected as err:
            return Reply({"type": "error", **err.body()})

    def _answer(self, frame: ClientFrame, connection: Connection) -> Body:
        now = self.clock()
        if frame.action is Action.PING:
            if connection.renewed_at <= ids.timestamp(now - timedelta(seconds=LOOK_EVERY_S)):
                self._look(connection, now)
                self.connections.renew(connection, now)
            return {"type": "pong"}
        topic = frame.topic(connection.caller.user_id)
        if topic is None:
            raise InvalidRequest("Name one session_id, conversation_id, relay_id or list.", param="session_id")
        if frame.action is Action.SUBSCRIBE:
            self._look(connection, now)
            self._check_access(topic, connection.caller.user_id)
            self.connections.subscribe(connection, topic, now)
            return {"type": "subscribed", topic.kind.value: topic.id}
        self.connections.unsubscribe(connection, topic)
        return {"type": "unsubscribed", topic.kind.value: topic.id}

    def _look(self, connection: Connection, now: datetime) -> None:
        """Raises CredentialEnded, and NotAccepted where nobody can say."""
        try:
            holds = self.look.holds(connection.caller, now)
        except Exception as err:
            logger.warning("what %s was opened with could not be looked at", connection.connection_id, exc_info=True)
            message = "Nobody could look at your API key or token just now. Send it again in two seconds."
            raise NotAccepted(message, code="try_again") from err
        if not holds:
            message = (
                "What this connection was opened with is over, was revoked, or belongs to somebody who has left. "
                "Connect again with a new ticket."
            )
            raise CredentialEnded(message)

    def _check_access(self, topic: Topic, user_id: str) -> None:
        """Raises NotFound for what is not there or not the user's. A line and a list are always the user's own."""
        if topic.kind is TopicKind.CONVERSATION:
            self.conversations.get(user_id, topic.id)
        elif topic.kind is TopicKind.SESSION and not self.sessions.get(topic.id):
            raise NotFound(f"There is no session {quoted(topic.id)}.", param="session_id", code="session_not_found")


def read_frame(body: str) -> ClientFrame:
    """Raises InvalidRequest that names what is wrong with it."""
    fields = schemas.parse("websocket_frame", body)
    return ClientFrame(**{**fields, "action": Action(fields["action"])})
