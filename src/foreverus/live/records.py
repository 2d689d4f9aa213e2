"""Connections, what they may watch, and the frames that come in over them. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from foreverus.aws import keys


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
    """An open WebSocket. `topics`: keys of what it subscribed to; `expires_at`: Unix seconds."""

    connection_id: str
    user_id: str
    expires_at: int
    connected_at: str = ""
    topics: frozenset[str] = frozenset()


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
