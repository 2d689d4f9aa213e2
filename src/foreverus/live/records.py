"""Connections, what they may watch, and the frames that come in over them. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from foreverus.access.records import Caller
from foreverus.aws import keys
from foreverus.errors import NotAuthenticated


class TopicKind(StrEnum):
    """What a topic is about, by the name of the frames' field that says which."""

    SESSION = "session_id"
    CONVERSATION = "conversation_id"


@dataclass(frozen=True, slots=True)
class Topic:
    """What people watch: one session, or one conversation."""

    kind: TopicKind
    id: str

    @property
    def key(self) -> str:
        """Its name in the table.

        >>> Topic(TopicKind.SESSION, "ses_1").key
        'SESSION#ses_1'
        """
        return keys.session_topic(self.id) if self.kind is TopicKind.SESSION else keys.conversation_topic(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open WebSocket. `caller`: who opened it, with what, and until when that holds; `topics`: keys of what it
    subscribed to; `renewed_at`: when they were last looked at for all its subscriptions; `expires_at`: Unix seconds."""

    connection_id: str
    caller: Caller
    expires_at: int
    connected_at: str = ""
    renewed_at: str = ""
    topics: frozenset[str] = frozenset()


class CredentialEnded(NotAuthenticated):
    """What the connection was opened with opens nothing any more: it is closed."""

    def __init__(self, message: str):
        super().__init__(message, code="credential_ended")


class Action(StrEnum):
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PING = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFrame:
    """What a client sends. A subscription names one of the two."""

    action: Action
    session_id: str = ""
    conversation_id: str = ""

    @property
    def topic(self) -> Topic | None:
        """None when it names none or both."""
        if bool(self.session_id) == bool(self.conversation_id):
            return None
        if self.session_id:
            return Topic(TopicKind.SESSION, self.session_id)
        return Topic(TopicKind.CONVERSATION, self.conversation_id)
