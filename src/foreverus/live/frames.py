"""What comes in over a WebSocket, and the frame that goes back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus.api import schemas
from foreverus.aws import keys
from foreverus.conversations.store import ConversationStore
from foreverus.errors import InvalidRequest, NotAuthenticated, NotFound, RequestRejected
from foreverus.live.connections import ConnectionStore
from foreverus.sessions.store import SessionStore

Item = dict[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frames:
    connections: ConnectionStore
    conversations: ConversationStore
    sessions: SessionStore
    clock: Callable[[], datetime]

    def opened(self, connection_id: str, user_id: str) -> None:
        self.connections.open(connection_id, user_id, self.clock())

    def closed(self, connection_id: str) -> None:
        self.connections.close(connection_id)

    def received(self, connection_id: str, body: str) -> Item:
        """The frame that answers `body`; an error frame for anything that is wrong with it."""
        try:
            frame = schemas.parse("websocket_frame", body)
            connection = self.connections.get(connection_id)
            if not connection:
                raise NotAuthenticated("This connection has expired. Connect again.")
            return self._act(frame, connection, connection_id)
        except RequestRejected as err:
            return {"type": "error", **err.body()}

    def _act(self, frame: Item, connection: Item, connection_id: str) -> Item:
        if frame["action"] == "ping":
            return {"type": "pong"}
        field, topic = self._topic(frame, connection["user_id"])
        if frame["action"] == "subscribe":
            self.connections.subscribe(connection, connection_id, topic)
            return {"type": "subscribed", field: frame[field]}
        self.connections.unsubscribe(connection_id, topic)
        return {"type": "unsubscribed", field: frame[field]}

    def _topic(self, frame: Item, user_id: str) -> tuple[str, str]:
        """(the field that names it, the topic). Raises NotFound for what is not there or not the user's."""
        if ("session_id" in frame) == ("conversation_id" in frame):
            raise InvalidRequest("Name either a session_id or a conversation_id.", param="session_id")
        if conversation_id := frame.get("conversation_id"):
            self.conversations.get(user_id, conversation_id)
            return "conversation_id", keys.conversation_topic(conversation_id)
        session_id = frame["session_id"]
        if not self.sessions.get(session_id):
            raise NotFound(f"There is no session {session_id}.", param="session_id", code="session_not_found")
        return "session_id", keys.session_topic(session_id)
