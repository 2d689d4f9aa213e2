"""Connections, what they may watch, and the frames that come in over them. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from foreverus.access.records import Caller
from foreverus.aws import keys, socket_keys
from foreverus.errors import NotAuthenticated


class TopicKind(StrEnum):
    """What a topic is about, by the name of the frames' field that says which."""

    SESSION = "session_id"
    CONVERSATION = "conversation_id"
    RELAY = "relay_id"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Topic:
    """What people watch: one session, one conversation, a line on which the answers to their own requests come, or the
    list of their own conversations. `user_id`: of whose line or list it is; nobody can name another one's."""

    kind: TopicKind
    id: str
    user_id: str = ""

    @property
    def key(self) -> str:
        """Its name in the table.

        >>> Topic(TopicKind.SESSION, "ses_1").key
        'SESSION#ses_1'
        """
        if self.kind is TopicKind.RELAY:
            return keys.relay_topic(self.user_id, self.id)
        if self.kind is TopicKind.LIST:
            return socket_keys.conversations_topic(self.user_id)
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
    """What a client sends. A subscription names one of the four."""

    action: Action
    session_id: str = ""
    conversation_id: str = ""
    relay_id: str = ""
    list: str = ""

    def topic(self, user_id: str) -> Topic | None:
        """`user_id`: of whoever sends it. None when it names none, or more than one."""
        named = [(kind, id_) for kind in TopicKind if (id_ := getattr(self, kind.value))]
        if len(named) != 1:
            return None
        ((kind, id_),) = named
        return Topic(kind, id_, user_id if kind in (TopicKind.RELAY, TopicKind.LIST) else "")
